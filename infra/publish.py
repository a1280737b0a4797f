"""Hands the package to the app's deployment site, and waits for its word.

The way that azd goes too: `az functionapp deployment source config-zip` builds every Python package anew (azure-cli
2.91, enable_zip_deploy_flex: `build_remote or runtime == 'python'`), and no two builds have the same bytes. Standard
library only. Knows no Azure CLI.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

from infra.azure_cli import MAY_PASS
from infra.smoke_http import NotYet, eventually

CALL_LIMIT_S = 300
"""For one call: the package has 24 MB."""

MAY_PASS_STATUS = frozenset({403, 408, 409, 429, 500, 502, 503, 504})
"""403: the roles of the app's identity still spread. 409: another deployment is under way."""

UNKNOWN_TIMES = 3
"""So often in a row the site must not know a deployment that it told of before, to have forgotten it."""

type State = dict[str, Any]
"""A deployment, as the site tells of it."""


class Ended(IntEnum):
    """How a deployment ended, in the site's numbers (azd, funcapp_host_client.go)."""

    CANCELLED = -1
    FAILED = 3
    SUCCESS = 4
    CONFLICT = 5
    PARTIAL = 6


class PublishFailed(Exception):
    """The site refuses the package, or could not deploy it; waiting does not mend it."""


@dataclass(frozen=True, slots=True)
class Site:
    """The deployment site. token: makes a bearer token of Azure Resource Manager, new for each upload. left_s: how long
    all that may pass by itself may still take."""

    url: str
    token: Callable[[], str]
    left_s: Callable[[], float]
    pause_s: float


def publish(package: bytes, *, site: Site) -> str:
    """Uploads until the site has deployed it. Returns the deployment's id. Raises PublishFailed, SmokeFailed."""
    what = f"the upload to {site.url}"
    return eventually(lambda: _deployed(package, site=site), what=what, limit_s=site.left_s(), pause_s=site.pause_s)


def _deployed(package: bytes, *, site: Site) -> str:
    """One attempt."""
    headers = {"Authorization": f"Bearer {site.token()}"}
    deployment = _uploaded(package, url=site.url, headers=headers)
    said = _last_word(deployment, site=site, headers=headers)
    if said is None or said["status"] == Ended.SUCCESS:
        return deployment
    failed = f"deployment {deployment}: {Ended(said['status']).name.lower()}, {said.get('status_text')}"
    raise NotYet(failed) if MAY_PASS.search(failed) else PublishFailed(failed)


def _uploaded(package: bytes, *, url: str, headers: Mapping[str, str]) -> str:
    """The id of the deployment that the site began. No RemoteBuild: the package holds what it needs."""
    headers = {**headers, "Content-Type": "application/zip"}
    status, text = _call("POST", f"{url}/api/publish", headers=headers, body=package)
    if status == 202:
        return text.strip().strip('"')
    said = f"the upload to {url}: {status} {text[:500]}"
    raise NotYet(said) if status in MAY_PASS_STATUS else PublishFailed(said)


def _last_word(deployment: str, *, site: Site, headers: Mapping[str, str]) -> State | None:
    """What the site says once the deployment has ended; None when it has forgotten it, as it does soon afterwards.

    A site that never told of it has forgotten nothing: it may begin it yet, or never.
    """
    told, unknown = False, 0

    def ask() -> State | None:
        nonlocal told, unknown
        status, text = _call("GET", f"{site.url}/api/deployments/{deployment}", headers=headers)
        found = _state(text) if status in {200, 202} else {}
        told, unknown = told or "status" in found, unknown + 1 if status == 404 else 0
        if told and unknown > UNKNOWN_TIMES:
            return None
        if found.get("status") in set(Ended):
            return found
        raise NotYet(f"{status} {text[:500]}")

    pause_s = min(1.0, site.pause_s)
    return eventually(ask, what=f"the end of deployment {deployment}", limit_s=site.left_s(), pause_s=pause_s)


def _state(text: str) -> State:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _call(method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> tuple[int, str]:
    """Raises NotYet when nothing answers."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=CALL_LIMIT_S)
    try:
        connection.request(method, parts.path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as exc:
        raise NotYet(f"{method} {url}: {type(exc).__name__} {exc}") from exc
    finally:
        connection.close()
