"""Operations: what each method on each path does. A version of the API is a table of them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from ringback.model.records import Account
from ringback.model.status import ApiVersion
from ringback.rest.notices import Notice
from ringback.rest.parameters import Parameter, named
from ringback.rest.shapes import Shape
from ringback.storage.records import Page, RecordStore, Where

if TYPE_CHECKING:
    from ringback.rest.services import Services

_SECRET: Final = frozenset({"SipAuthPassword", "Password"})
Method = Literal["GET", "POST", "DELETE"]

PAGING_2010: Final = (
    Parameter("PageSize", "integer", code=20007, least=1, most=1000, description="Resources in a page. 50."),
    Parameter("Page", "integer", code=20422, least=0, most=1_000_000, description="Number of the page, from 0."),
    Parameter("PageToken", "text", code=21481, most=256, description="From `next_page_uri`."),
)
PAGING_2008: Final = (
    Parameter("num", "integer", code=20007, least=1, most=1000, to="page_size"),
    Parameter("page", "integer", code=20422, least=0, most=1_000_000),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list."""

    items: Sequence[Any]
    more: bool
    """Whether a page follows."""
    last: tuple[datetime, str] | None = None
    """Where the next page begins; None where pages are counted."""
    total: int | None = None
    """2008-08-01 tells how many there are."""


@dataclass(frozen=True, slots=True)
class Media:
    """An answer that is no resource: audio, a text, a file."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


Answer = Any
"""What a handler returns: a record, a `Listed`, a `Media`, or None where there is nothing to tell."""


@dataclass(slots=True)
class Request:
    """A request that may be carried out: who asks, for what, with which parameters."""

    services: "Services"
    version: ApiVersion
    account: Account
    """The account of the path."""
    operation: "Operation"
    path: Mapping[str, str]
    """What the variables of the path are."""
    values: dict[str, Any] = field(default_factory=dict)
    filters: list[Where] = field(default_factory=list)
    page: Page = field(default_factory=Page)
    number: int = 0
    """The number of the page, from 0."""
    suffix: str = ""
    """`json`, `xml`, `csv`, `wav`…; empty where the path has none."""
    accept: str = ""
    base: str = ""
    """Scheme and host that the request came to: `http://127.0.0.1:8080`."""
    url: str = ""
    """Path and query as they came."""
    public: bool = False
    """Nobody has said who they are; the operation allows it."""
    pairs: Sequence[tuple[str, str]] = ()
    """The parameters as they came."""

    @property
    def now(self) -> datetime:
        """The time of day."""
        return self.services.utcnow()

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or that."""
        return self.values.get(name, default)

    def warn(self, code: int, message: str) -> None:
        """Tell the account about something in its request that was not as it should be."""
        self.services.notify(
            Notice(
                self.account.sid,
                code,
                message,
                self.version,
                self.now,
                self.base + self.url,
                self.operation.method,
                {name: "" if name in _SECRET else value[:1000] for name, value in self.pairs[:100]},
            )
        )

    def mine(self) -> Where:
        """The condition that a record belongs to the account of the path."""
        return Where("account_sid", "=", self.account.sid)

    async def listed(self, store: RecordStore[Any], *more: Where, order: str = "date_created") -> Listed:
        """Return a page of a store: what belongs to the account, meets the filters of the request, and those given."""
        filters = [self.mine(), *self.filters, *more]
        page = self.page
        old = self.version is ApiVersion.V2008  # which sorts by DateUpdated (clause 6)
        found = await store.page(filters, Page(page.limit + 1, page.offset, page.after, by_update=old))
        items = found[: page.limit]
        last = None
        if items:
            key = getattr(items[-1], "sid", None) or getattr(items[-1], "call_sid", "")
            last = (getattr(items[-1], order), str(key))
        total = await store.count(filters) if old else None
        return Listed(items, len(found) > page.limit, last, total)

    def slice(self, items: Sequence[Any]) -> Listed:
        """Return a page of a list that is there as a whole."""
        start = self.page.offset
        end = start + self.page.limit
        return Listed(items[start:end], len(items) > end, None, len(items))


Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method on one path does."""

    method: Method
    path: str
    """Below the version: `/Accounts/{AccountSid}/Calls/{Sid}`."""
    name: str
    """`FetchCall`: the name in the OpenAPI description."""
    handle: Handler
    shape: Shape | None = None
    parameters: tuple[Parameter, ...] = ()
    status: int = 200
    listed: bool = False
    public: bool = False
    """It needs no credentials."""
    main: bool = False
    """It concerns accounts and keys themselves: API keys may not, only Auth Tokens."""
    test: bool = False
    """Test credentials may use it."""
    media: tuple[str, ...] = ()
    """Suffixes other than those of formats that it answers to."""
    paged: bool = True
    """Of a list: it comes in pages."""
    summary: str = ""
    known: Mapping[str, Parameter] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare what every request needs."""
        paging: tuple[Parameter, ...] = (*PAGING_2010, *PAGING_2008) if self.listed else ()
        object.__setattr__(self, "known", named(self.parameters, paging))


@dataclass(slots=True)
class _Node:
    fixed: dict[str, "_Node"] = field(default_factory=dict)
    variable: "_Node | None" = None
    name: str = ""
    operations: dict[str, Operation] = field(default_factory=dict)


class Routes:
    """Finds operations by path. Names in a path are case-sensitive; what a variable may be, its operation decides."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(operations)
        self._root = _Node()
        for operation in self.operations:
            node = self._root
            for part in operation.path.strip("/").split("/"):
                if part.startswith("{"):
                    if node.variable is None:
                        node.variable = _Node()
                    node = node.variable
                else:
                    node = node.fixed.setdefault(part, _Node())
            if operation.method in node.operations:
                raise ValueError(f"{operation.method} {operation.path} is there twice")
            node.operations[operation.method] = operation

    def find(self, parts: Sequence[str]) -> tuple[dict[str, Operation], list[str]] | None:
        """Return the operations of a path by method, and what its variables are, in their order."""
        node: _Node | None = self._root
        variables: list[str] = []
        for part in parts:
            assert node is not None
            below = node.fixed.get(part)
            if below is None:
                if not part:
                    return None
                below = node.variable
                variables.append(part)
            if below is None:
                return None
            node = below
        assert node is not None
        return (node.operations, variables) if node.operations else None


def variables(path: str) -> list[str]:
    """Return the names of the variables of a path, in their order."""
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]
