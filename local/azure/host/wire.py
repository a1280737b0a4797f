"""Stand-ins for the messages between the Functions host and the Python runtime.

In Azure they are protobuf messages on a gRPC stream. Here both ends live in one process, so plain objects with the same
names and fields are enough. The runtime takes the namespace `protos` once, builds its answers from it by keyword, and
reads our requests by attribute. Must not know what any field means.
"""

import datetime as dt
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class OneOf:
    """A protobuf message of which at most one field is set."""

    __slots__ = ("_case", "_value")

    def __init__(self, **one: object) -> None:
        self._case: str | None = None
        self._value: object = None
        for self._case, self._value in one.items():
            break

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - the name protobuf gives it, called by the runtime
        return self._case

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the field decides the type
        if name == self._case:
            return self._value
        raise AttributeError(name)


class TypedData(OneOf):
    """One value in transit: string, bytes, json, http, int, double, or nothing at all."""


@dataclass(frozen=True, slots=True)
class ParameterBinding:
    name: str
    data: TypedData | None

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - the name protobuf gives it, called by the runtime
        return "data"


@dataclass(slots=True)
class RpcHttp:
    """An HTTP request on its way in, or a response on its way out."""

    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: TypedData | None = None
    status_code: str = ""
    cookies: "list[RpcHttpCookie] | None" = None
    enable_content_negotiation: bool = False


@dataclass(frozen=True, slots=True)
class Nullable[T]:
    value: T


class SameSite:
    """The values of a cookie's SameSite attribute. `None` says that the attribute is absent."""

    Lax = "Lax"
    Strict = "Strict"
    ExplicitNone = "None"


setattr(SameSite, "None", None)  # a keyword, so it cannot be written as an attribute above


@dataclass(slots=True)
class RpcHttpCookie:
    SameSite = SameSite
    name: str
    value: str
    domain: Nullable[str] | None = None
    path: Nullable[str] | None = None
    expires: Nullable["Timestamp"] | None = None
    secure: Nullable[bool] | None = None
    http_only: Nullable[bool] | None = None
    same_site: str | None = None
    max_age: Nullable[float] | None = None


@dataclass(frozen=True, slots=True)
class Timestamp:
    seconds: int


@dataclass(frozen=True, slots=True)
class RpcException:
    message: str = ""
    stack_trace: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class StatusResult:
    Success = "Success"
    Failure = "Failure"
    status: str
    exception: RpcException | None = None


class BindingInfo(SimpleNamespace):
    """How one parameter is bound. The numbers are those of the enums in the host's published FunctionRpc.proto."""

    out = 1
    inout = 2
    undefined = 0


@dataclass(frozen=True, slots=True)
class RpcRetryOptions:
    max_retry_count: int
    retry_strategy: str
    delay_interval: dt.timedelta | None = None
    minimum_interval: dt.timedelta | None = None
    maximum_interval: dt.timedelta | None = None


@dataclass(frozen=True, slots=True)
class TraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryContext:
    """Which try this is: 0 is the first; -1 as the maximum means without end."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: RpcException | None = None


def request_of(protos: object, **message: object) -> SimpleNamespace:
    """Wrap one message the way the runtime expects to receive it."""
    return SimpleNamespace(request=SimpleNamespace(**message), properties={"host": "127.0.0.1", "protos": protos})


PROTOS = SimpleNamespace(
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    RpcHttp=RpcHttp,
    RpcHttpCookie=RpcHttpCookie,
    NullableString=Nullable,
    NullableBool=Nullable,
    NullableDouble=Nullable,
    NullableTimestamp=Nullable,
    Timestamp=Timestamp,
    RpcException=RpcException,
    StatusResult=StatusResult,
    BindingInfo=BindingInfo,
    RpcRetryOptions=RpcRetryOptions,
    WorkerInitResponse=SimpleNamespace,
    WorkerMetadata=SimpleNamespace,
    FunctionMetadataResponse=SimpleNamespace,
    RpcFunctionMetadata=SimpleNamespace,
    FunctionLoadResponse=SimpleNamespace,
    InvocationResponse=SimpleNamespace,
)
