"""Zoho's error answers: codes, message texts and HTTP status.

Owns: the table of codes. Which code fits which situation is decided where the situation is seen.
"""

from collections.abc import Mapping

_MESSAGES = {
    "AUTHENTICATION_FAILURE": "Authentication failed",
    "INVALID_TOKEN": "invalid oauth token",
    "OAUTH_SCOPE_MISMATCH": "invalid oauth scope to access this URL",
    "INVALID_URL_PATTERN": "Please check if the URL trying to access is a correct one",
    "INVALID_REQUEST_METHOD": "The http request method type is not a valid one",
    "RESOURCE_NOT_FOUND": "The requested resource doesn't exist.",
    "MEDIA_TYPE_NOT_SUPPORTED": "Media type is not supported.",
    "REQUEST_BODY_NOT_READABLE": "Unable to parse the request body.",
    "REQUEST_BODY_IS_EMPTY": "Request body is empty.",
    "REQUEST_BODY_NOT_SUPPORTED": "request body contains invalid format",
    "MODULE_NOT_AVAILABLE": "Requested module '{module}' is not available.",
    "MODULE_NOT_SUPPORTED": "Invalid module for the query. Module '{module}' is not supported.",
    "NOT_SUPPORTED_FEATURE": "Feature is not supported",
    "NO_PERMISSION": "permission denied",
    "QUERY_NOT_SUPPORTED": "Invalid query for bulk read job. Query '{query}' is not supported.",
    "INVALID_CALLBACK_URL": "Invalid URL '{url}' for callback.",
    "INVALID_CALLBACK_METHOD": "Invalid request method {method} for callback.",
    "JOIN_LIMIT_EXCEEDED": (
        "Join limit exceeded for the query. Maximum number of joins supported in a query is {max_limit}"
    ),
    "CRITERIA_NOT_SUPPORTED": "Invalid criteria for the query. Criteria {criteria} is not supported.",
    "INVALID_CRITERIA": "Invalid criteria {criteria} for the query.",
    "AMBIGUOUS_CRITERIA": (
        "Ambiguous criteria {criteria}. Criteria can have either {{group, group_operator}} or"
        " {{api_name, comparator, value}}."
    ),
    "AMBIGUOUS_GROUP_IN_CRITERIA": (
        "Ambiguous group in criteria {criteria}. Group should be used only when there are more than one criteria"
    ),
    "CRITERIA_LIMIT_EXCEEDED": "Number of criteria exceeded the maximum limit of {max_limit}",
    "FIELD_IN_CRITERIA_NOT_SUPPORTED": "Field api name '{api_name}' for criteria {criteria} is not supported.",
    "FIELD_IN_CRITERIA_NOT_AVAILABLE": (
        "Field api name '{api_name}' is not available for criteria {criteria}. Check visibility and permission for the"
        " field"
    ),
    "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED": (
        "Field api name '{api_name}' doesn't support this comparator '{comparator}' for criteria {criteria}."
    ),
    "VALUE_IN_CRITERIA_NOT_SUPPORTED": "Value '{value}' is not supported for criteria {criteria}.",
    "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE": (
        "Field '{api_name}' is not supported with value '{value}' for criteria {criteria}."
    ),
    "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE": (
        "Comparator '{comparator}' is not supported with value '{value}' for criteria {criteria}."
    ),
    "GROUP_OPERATOR_NOT_SUPPORTED": (
        "Criteria {criteria} doesn't support this logical group operator '{operator}'."
        " Supported operators are 'and', 'or'."
    ),
    "FIELD_NOT_AVAILABLE": (
        "Requested field api name '{api_name}' is not available for the module '{module}'. Check permission or"
        " visibility for the field."
    ),
    "FIELD_NOT_SUPPORTED": (
        "Invalid field for the module provided in fields. Field api name '{api_name}' is not supported for this module"
        " '{module}'."
    ),
    "FIELDS_NOT_SUPPORTED": "Fields are not supported for file type ics",
    "VALUE_LIMIT_EXCEEDED_IN_CRITERIA": "Value exceeded limit {max_limit}",
    "PAGE_NOT_SUPPORTED": "Invalid page number for query. Page {page} is not supported for the query.",
    "PAGE_RANGE_EXCEEDED": (
        "Invalid page number for query. Page {page} is not supported for the query."
        " Page range is from 1 to {max_limit}."
    ),
    "TOO_MANY_REQUESTS": "Many requests fired in concurrent than the allowed limit",
    "INTERNAL_ERROR": "Internal server error occurred.",
    "INTERNAL_SERVER_ERROR": "Internal server error occurred.",
    "CVID_NOT_SUPPORTED": "The custom view id given is not supported",
    "EXPIRED_VALUE": "the page_token has expired",
    "INVALID_DATA": "invalid data",
    "INVALID_MODULE": "The module name given seems to be invalid",
    "INVALID_QUERY": "invalid query formed",
    "SYNTAX_ERROR": "error occured while parsing the query",
    "REQUIRED_PARAM_MISSING": "One of the expected parameter is missing",
    "PATTERN_NOT_MATCHED": "Please check whether the input values are correct",
}

_STATUS = {
    "AUTHENTICATION_FAILURE": 401,
    "INVALID_TOKEN": 401,
    "OAUTH_SCOPE_MISMATCH": 401,
    "NO_PERMISSION": 403,
    "INVALID_URL_PATTERN": 404,
    "RESOURCE_NOT_FOUND": 404,
    "MEDIA_TYPE_NOT_SUPPORTED": 415,
    "TOO_MANY_REQUESTS": 429,
    "INTERNAL_ERROR": 500,
}


class Refusal(Exception):
    """An error answer of the API.

    `details` is sent as it is; `words` fill the message template besides them.
    """

    def __init__(
        self, code: str, *, status: int | None = None, details: Mapping[str, object] | None = None, **words: object
    ) -> None:
        self.code = code
        self.details = dict(details or {})
        self.status = status or _STATUS.get(code, 400)
        self.message = _MESSAGES[code].format_map(_Words({**self.details, **words}))
        super().__init__(f"{code}: {self.message}")

    def body(self) -> dict[str, object]:
        """The JSON envelope."""
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}


class _Words(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "%s"
