"""How Slack says no."""


class SlackRefusal(Exception):  # noqa: N818  (it is an answer, not a failure)
    """What Slack answers instead of `ok`."""

    def __init__(self, code: str, *details: str) -> None:
        super().__init__(code)
        self.code = code
        self.details = list(details)
