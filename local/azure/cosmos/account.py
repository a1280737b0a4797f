"""What the account says of itself to clients that connect. Knows nothing of databases, items or requests."""

from typing import Final

from local.azure.cosmos.values import Document, Json, dumps

REGION: Final = "Local"
_QUERY_ENGINE: Final[Document] = {
    "maxSqlQueryInputLength": 262144,
    "maxJoinsPerSqlQuery": 5,
    "maxLogicalAndPerSqlQuery": 2000,
    "maxLogicalOrPerSqlQuery": 2000,
    "maxUdfRefPerSqlQuery": 10,
    "maxInExpressionItemsCount": 16000,
    "queryMaxInMemorySortDocumentCount": 500,
    "maxQueryRequestTimeoutFraction": 0.9,
    "sqlAllowNonFiniteNumbers": False,
    "sqlAllowAggregateFunctions": True,
    "sqlAllowSubQuery": True,
    "sqlAllowScalarSubQuery": True,
    "allowNewKeywords": True,
    "sqlAllowLike": True,
    "sqlAllowGroupByClause": True,
    "maxSpatialQueryCells": 12,
    "spatialMaxGeometryPointCount": 256,
    "sqlAllowTop": True,
    "enableSpatialIndexing": True,
    "sqlDisableOptimizationFlags": 0,
}
"""What accounts in Azure state. The .NET client fails when it is empty. It is no list of what is covered here."""


def statement(*, host: str, consistency: str) -> Document:
    """The account under the address by which the client came: all further requests go where this says."""
    place: Json = {"name": REGION, "databaseAccountEndpoint": f"http://{host}/"}
    return {
        "id": "local",
        "_rid": "local",
        "_self": "",
        "_dbs": "//dbs/",
        "writableLocations": [place],
        "readableLocations": [place],
        "enableMultipleWriteLocations": False,
        "userConsistencyPolicy": {"defaultConsistencyLevel": consistency},
        "queryEngineConfiguration": dumps(_QUERY_ENGINE),
    }
