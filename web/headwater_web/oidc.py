"""The provider of OpenID Connect: where it sends people, and what it says of those who come back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, build_opener

from headwater.redirects import NoRedirects
from headwater_catalog.errors import CatalogError, Forbidden
from headwater_catalog.oidc_settings import OidcSettings, is_safe_address

__all__ = ["Attempt", "LoginServiceFault", "Provider", "discover"]

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""By which a provider may sign; never by a secret that both sides have, and never not at all."""
_KINDS: Final = ("RSA", "EC", "OKP")
_LEEWAY: Final = 60  # seconds by which clocks may differ
_SECONDS: Final = 10.0
_LONGEST: Final = 1_000_000


class LoginServiceFault(CatalogError):
    """The login service does not answer, or not as it should."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody who logs in must come back with.

    Attributes:
        state: Proves that the answer belongs to the question of this browser.
        nonce: Proves that the token was made for this question.
        verifier: Proves to the provider that who redeems the code has asked for it.
    """

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider, as its discovery document describes it."""

    settings: OidcSettings
    authorization: str
    token: str
    keys: str
    takes_secret_in_body: bool

    def address(self, attempt: Attempt, back: str) -> str:
        """Return where somebody logs in, to come back to an address of ours."""
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": back,
            "scope": "openid profile email",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": create_s256_code_challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.authorization}{'&' if '?' in self.authorization else '?'}{urlencode(asked)}"

    def claims(self, attempt: Attempt, code: str, back: str, now: int) -> Mapping[str, Any]:
        """Redeem a code, and return what the provider says of who logged in.

        Raises:
            Forbidden: What it says cannot be believed.
            LoginServiceFault: It does not answer.
        """
        answer = self._redeem(attempt, code, back)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Forbidden("The login service has not said who you are. Log in again.")
        return self._verified(token, attempt, answer.get("access_token"), now)

    def _redeem(self, attempt: Attempt, code: str, back: str) -> dict[str, Any]:
        ours = self.settings
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": ours.client_id,
            "code_verifier": attempt.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if ours.client_secret and self.takes_secret_in_body:
            body["client_secret"] = ours.client_secret
        elif ours.client_secret:
            pair = f"{quote(ours.client_id, safe='')}:{quote(ours.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return _fetch(self.token, ours.issuer, urlencode(body).encode(), headers)

    def _verified(self, token: str, attempt: Attempt, access_token: Any, now: int) -> Mapping[str, Any]:
        from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        listed = _fetch(self.keys, self.settings.issuer).get("keys")
        issuer, client = self.settings.issuer, self.settings.client_id
        options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client}}
        params = {"nonce": attempt.nonce, "client_id": client, "access_token": access_token}
        try:
            keys = [key for key in listed or () if key["kty"] in _KINDS and key.get("use") != "enc"]
            found = jwt.decode(token, KeySet.import_key_set({"keys": keys}), algorithms=_ALGORITHMS)
            claims = CodeIDToken(found.claims, found.header, options, params)
            claims.validate(now, _LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise Forbidden(
                f"What the login service says of you cannot be believed: {error}. Log in again; if that does "
                "not help, tell an administrator."
            ) from error
        if not claims["sub"] or len(str(claims["sub"])) > 255:
            raise Forbidden("The login service has not said who you are. Tell an administrator.")
        return dict(claims)


def discover(settings: OidcSettings, now: int) -> Provider:
    """Return a provider as it has described itself within some minutes.

    Raises:
        LoginServiceFault: It does not answer, or is not the one that was meant.
    """
    key = settings.issuer, settings.client_id, settings.client_secret
    asked, known = _KNOWN.get(key, (0, None))
    # Kept for a while, so that nobody can keep the provider busy by way of the login page.
    if known is None or now - asked > _KEPT_SECONDS:
        known = _described(settings)
        _KNOWN[key] = now, known
    return known


def _described(settings: OidcSettings) -> Provider:
    told = _fetch(f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration", settings.issuer)
    if told.get("issuer") != settings.issuer:
        raise LoginServiceFault(
            f"The login service calls itself {told.get('issuer')!r:.200}, which oidc_issuer must be, too, to "
            f"the last slash. It is {settings.issuer!r}."
        )
    places = [told.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if not all(isinstance(place, str) and is_safe_address(place, settings.issuer) for place in places):
        raise LoginServiceFault("The login service does not say by https addresses where it is asked what.")
    methods = told.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    authorization, token, keys = map(str, places)
    return Provider(settings, authorization, token, keys, "client_secret_basic" not in methods)


_KEPT_SECONDS: Final = 300
_KNOWN: Final[dict[tuple[str, str, str], tuple[int, Provider]]] = {}


def _fetch(
    address: str, issuer: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    if not is_safe_address(address, issuer):
        raise LoginServiceFault(f"Nothing secret is sent to {address!r:.200}, which is not encrypted.")
    request = Request(address, body, {"Accept": "application/json", **(headers or {})})  # noqa: S310  see above
    try:
        with build_opener(NoRedirects).open(request, timeout=_SECONDS) as answer:
            told = json.loads(answer.read(_LONGEST))
    except HTTPError as refused:
        with refused:
            if body is not None and refused.code in (400, 401):
                raise Forbidden("The login service takes this login as ended. Log in again.") from refused
        raise LoginServiceFault(f"The login service answers {refused.code}. Try again later.") from refused
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise LoginServiceFault("The login service does not answer as it should. Try again later.") from error
    if not isinstance(told, dict):
        raise LoginServiceFault("The login service does not answer as it should. Try again later.")
    return told
