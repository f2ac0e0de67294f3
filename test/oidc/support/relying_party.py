"""A relying party made with Authlib and joserfc. Reads one JSON command a line, answers one JSON line each."""

import json
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet


class RelyingParty:
    def __init__(self, issuer, client_id, client_secret, redirect_uri, scope):
        self.metadata = requests.get(issuer + "/.well-known/openid-configuration", timeout=10).json()
        self.session = OAuth2Session(
            client_id,
            client_secret,
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            token_endpoint=self.metadata["token_endpoint"],
            revocation_endpoint_auth_method="client_secret_basic",
        )
        self.client_id = client_id

    def start(self):
        self.verifier = generate_token(48)
        self.nonce = generate_token()
        url, self.state = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=self.verifier, nonce=self.nonce
        )
        return {"url": url}

    def finish(self, callback):
        token = self.session.fetch_token(
            authorization_response=callback, code_verifier=self.verifier, state=self.state
        )
        return {"claims": self.verify(token["id_token"], self.nonce), "token": dict(token)}

    def verify(self, id_token, nonce):
        keys = requests.get(self.metadata["jwks_uri"], timeout=10).json()
        decoded = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=["RS256", "ES256"])
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": self.metadata["issuer"]},
                "aud": {"essential": True, "value": self.client_id},
            },
            params={"client_id": self.client_id, "nonce": nonce},
        )
        claims.validate()
        return dict(claims)

    def userinfo(self):
        answer = self.session.get(self.metadata["userinfo_endpoint"], timeout=10)
        return {"status": answer.status_code, "claims": answer.json()}

    def refresh(self):
        token = self.session.refresh_token(self.metadata["token_endpoint"])
        return {"token": dict(token), "claims": self.verify(token["id_token"], self.nonce)}

    def introspect(self):
        answer = self.session.introspect_token(
            self.metadata["introspection_endpoint"], token=self.session.token["access_token"]
        )
        return answer.json()

    def revoke(self):
        answer = self.session.revoke_token(
            self.metadata["revocation_endpoint"], token=self.session.token["refresh_token"]
        )
        return {"status": answer.status_code}


def main():
    party = RelyingParty(**json.loads(sys.stdin.readline()))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(party, command.pop("do"))(**command)
        except Exception as error:  # every failure is an answer: the test judges it
            answer = {"error": getattr(error, "error", type(error).__name__), "message": str(error)}
        print(json.dumps(answer), flush=True)


main()
