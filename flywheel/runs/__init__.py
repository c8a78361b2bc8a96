"""A run is a graph of steps kept in SQL; `advance` moves it, whoever calls it and however often."""
