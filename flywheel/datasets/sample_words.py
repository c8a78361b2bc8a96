"""The invented words of the sample log: companies, people, products, numbers. Nothing is real."""

from random import Random


def _list(text: str) -> list[str]:
    return text.split("|")


_STEMS = _list(
    "Aldermont|Avenlo|Bellaroc|Brightfen|Brunsten|Calderay|Carvane|Castellume|Cendrix|Corravale|"
    "Dalmere|Dorvanne|Drayford|Eastmarch|Elvaston|Emberlyn|Fallowick|Fenwarth|Galvenor|Garrowby|"
    "Glimmerholt|Greyhollow|Halvorne|Harrowgate|Hexley|Ilmarsh|Inverlock|Jorvane|Kestrelby|"
    "Kilnmoor|Lanternfield|Larkhaven|Lindqvale|Lorrimar|Marlowick|Medlarn|Mirefield|Montavair|"
    "Northwend|Norvella|Oakhallow|Ombrasio|Orlandine|Ostrevant|Pallister|Penhallow|Quarrenden|"
    "Quillmark|Ravensholt|Redmarrow|Rosenfalk|Sandhurne|Selvedge|Silverbeck|Solvarre|Stonebrae|"
    "Tallowmere|Tamberlane|Thornquist|Tirelle|Umberfield|Valmorra|Vantreux|Verrinold|Wexcombe|"
    "Whitlorne|Windlass|Wolverdale|Yarrowdene|Zephyrine"
)
_TRADES = _list(
    "Foods|Energy|Robotics|Bank|Biotech|Logistics|Semiconductors|Airlines|Retail|Software|Motors|"
    "Insurance|Mining|Telecom|Pharma|Steel|Media|Chemicals|Properties|Systems|Capital|Shipping|"
    "Renewables|Brands|Networks|Medical"
)
_SURNAMES = _list(
    "Abernow|Bastide|Callaway|Dessaint|Ekholt|Farrowby|Gantry|Hollis|Iversund|Jannick|Kowalt|"
    "Lindermann|Marchetta|Novarro|Oduyale|Prentiss|Quarles|Rademark|Sokolin|Tanwick|Ueberroth|"
    "Vasquero|Wetherall|Xanthis|Yamadori|Zellweg"
)
_GIVEN = _list(
    "Ada|Bruno|Carla|Dmitri|Elena|Farid|Greta|Hiro|Ines|Jonas|Keiko|Leon|Maya|Nadia|Owen|Priya|"
    "Rosa|Stefan|Tara|Victor|Wanda|Yusuf"
)
_BROKERS = _list(
    "Amberlyn Securities|Baycrest Partners|Cobalt Row|Dunmore & Hale|Eastgate Research|"
    "Fairlead Markets|Gannet Capital|Hartwell Brothers|Ivory Lane|Juniper Street|Kingsmere|"
    "Lowell Fennick|Merrow Bank|Nightingale Equity|Osprey Institutional|Palisade Research"
)
_PRODUCTS = _list(
    "electric van|payments app|insulin pump|home battery|cloud database|delivery drone|"
    "foldable phone|streaming bundle|oat drink|AI assistant|surgical robot|solar roof tile|"
    "budget airline seat|gaming headset|migraine pill|credit card|5G router|data-centre chip|"
    "hydrogen truck|smart meter"
)
_REGIONS = _list(
    "Europe|Asia|North America|Latin America|the Nordics|the Gulf|Southeast Asia|the home market|"
    "emerging markets|southern Europe"
)
_SECTORS = _list(
    "lenders|chipmakers|carmakers|airlines|retailers|oil producers|utilities|miners|drugmakers|"
    "software makers|homebuilders|insurers"
)
_THEMES = _list(
    "input costs|freight rates|demand from abroad|a stronger currency|the holiday season|"
    "supply shortages|higher wages|the new plant|cloud demand|energy prices|pricing power|"
    "store closures|the restructuring|order backlogs|customer churn"
)
_QUARTERS = _list(
    "Q1|Q2|Q3|Q4|first-quarter|second-quarter|third-quarter|fourth-quarter|full-year|half-year"
)
_ROLES = _list(
    "chief executive|CEO|finance chief|CFO|chairman|chief operating officer|head of sales"
)
_GOOD = _list("Buy|Overweight|Outperform|Add|Strong Buy")
_MIDDLING = _list("Hold|Neutral|Market Perform|Equal Weight")
_POOR = _list("Sell|Underweight|Underperform|Reduce")
_COUNTRIES = _list("euro zone|US|UK|Japan|China|Germany|Brazil|India|Canada|Sweden")
_MONTHS = _list("January|February|March|April|May|June|July|August|September|October")

COMPANIES = 420


class Words:
    """Fills the slots of templates; the companies are drawn once, some often in the news."""

    def __init__(self, random: Random) -> None:
        self._random = random
        names = [f"{stem} {trade}" for stem in _STEMS for trade in _TRADES]
        self._companies = random.sample(names, COMPANIES)
        self._attention = [1.0 / (rank + 12) for rank in range(COMPANIES)]

    def cast(self) -> dict[str, str]:
        """Who and what one headline is about: the slots that its parts have in common."""
        pick = self._random.choice
        first, second = self._random.choices(self._companies, self._attention, k=2)
        return {
            "company": first if self._random.random() < 0.8 else f"{first} ({_ticker(first)})",
            "other": second if second != first else "a rival",
            "ticker": f"${_ticker(first)}",
            "broker": pick(_BROKERS),
            "product": pick(_PRODUCTS),
            "region": pick(_REGIONS),
            "sector": pick(_SECTORS),
            "country": pick(_COUNTRIES),
            "quarter": pick(_QUARTERS),
        }

    def fill(self, template: str, cast: dict[str, str]) -> str:
        """The template with the cast and fresh details in its slots."""
        pick = self._random.choice
        details = {
            "person": f"{pick(_GIVEN)} {pick(_SURNAMES)}",
            "person2": f"{pick(_GIVEN)} {pick(_SURNAMES)}",
            "role": pick(_ROLES),
            "theme": pick(_THEMES),
            "good": pick(_GOOD),
            "middling": pick(_MIDDLING),
            "poor": pick(_POOR),
            "month": pick(_MONTHS),
            "pct": self._percent(30),
            "rate": self._percent(7),
            "sum": self._sum(),
            "price": f"${self._random.randint(4, 420)}",
            "price2": f"${self._random.randint(4, 420)}",
            "small": f"${self._random.uniform(0.05, 2.4):.2f}",
            "year": str(self._random.randint(2026, 2030)),
            "number": str(self._random.randint(2, 40)),
        }
        text = template.format_map(cast | details)
        return text[0].upper() + text[1:]

    def _percent(self, most: float) -> str:
        value = self._random.uniform(0.1, self._random.choice((most / 6, most)))
        return f"{value:.1f}%" if self._random.random() < 0.6 else f"{max(1, round(value))}%"

    def _sum(self) -> str:
        amount = self._random.choice((self._random.uniform(1, 9), self._random.uniform(10, 900)))
        if amount < 10:
            return f"${amount:.1f} bln" if self._random.random() < 0.5 else f"${amount:.1f}B"
        return f"${amount:.0f} mln" if self._random.random() < 0.5 else f"${amount:.0f}M"


def _ticker(company: str) -> str:
    """Four letters that go with the name: 'Aldermont Foods' is ALDF."""
    stem, trade = company.split()
    return f"{stem[:3]}{trade[0]}".upper()
