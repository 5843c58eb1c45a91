"""A small provider of OpenID Connect that is really served, signs with a key of its own, and can lie."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from support.served import served

__all__ = ["CLIENT", "SECRET", "Provider", "provider"]

CLIENT = "headwater"
SECRET = "a secret / with signs: %"


@dataclass
class Provider:
    """What it says of somebody who logs in, and how it lies.

    Attributes:
        issuer: Its address.
        person: The claims of who logs in.
        change: Changes a token's claims.
        sign: Signs a token.
        describe: Changes the discovery document.
        keys: What it gives as its keys.
        seen: The forms that its token endpoint was sent.
    """

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: _key())
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "248289", "preferred_username": "Bo"})
    change: Callable[[dict[str, Any]], Any] = lambda claims: claims
    sign: Callable[["Provider", dict[str, Any]], str] = lambda self, claims: self.signed(claims)
    describe: dict[str, Any] = field(default_factory=dict)
    keys: Any = "its own"
    seen: list[dict[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None) -> str:
        """Return a token by RS256."""
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key or self.key)

    def log_in(self, there: str) -> str:
        """Log in as a browser would that was led there; return where it is led back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}
        assert there.startswith(f"{self.issuer}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        code = token_urlsafe(16)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer a request."""
        request = Request(environ)
        answer = {
            "/.well-known/openid-configuration": self._describe,
            "/authorize": lambda asked: redirect(self.log_in(asked.url)),
            "/keys": self._keys,
            "/token": self._redeem,
        }.get(request.path, lambda _request: Response("nothing here", 404))(request)
        return answer(environ, start_response)

    def _describe(self, _request: Request) -> Response:
        told = {"issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize"}
        told |= {"token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys"}
        return _json({**told, **self.describe})

    def _keys(self, _request: Request) -> Response:
        if self.keys != "its own":
            return _json({"keys": self.keys})
        other = {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}
        return _json({"keys": [other, self.key.as_dict(private=False)]})

    def _redeem(self, request: Request) -> Response:
        form = request.form.to_dict()
        self.seen.append(form)
        asked = self._codes.pop(form.get("code", ""), None)
        pair = request.authorization
        secret = form.get("client_secret") or (pair.password if pair is not None else None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or secret not in (SECRET, quote(SECRET, safe=""))
            or asked["redirect_uri"] != form["redirect_uri"]
            or asked["code_challenge"] != base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        ):
            return _json({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token = self.sign(self, self.change({**claims, **self.person}))
        return _json({"access_token": "x", "token_type": "Bearer", "id_token": token})


@cache
def _key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, content_type="application/json")


@contextmanager
def provider(host: str = "127.0.0.1") -> Iterator[Provider]:
    """Serve a provider on this machine, which calls itself by a name of this machine."""
    made = Provider()
    with served(made) as url:
        made.issuer = url.replace("127.0.0.1", host)
        yield made
