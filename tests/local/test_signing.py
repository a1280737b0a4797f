"""The secret of the sample, and whether an attempt was signed with it."""

import json
from pathlib import Path

from local.signing import is_signed_with, sample_secret
from tests.local.test_listen import OTHER_SECRET, attempt


def test_the_secret_is_that_of_the_merchant_of_the_sample(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    secrets = json.dumps({"m1": f"{OTHER_SECRET} whsec_old", "m2": "whsec_another"})

    def written(**values: str) -> Path:
        sample.write_text(json.dumps({"Values": values}))
        return sample

    assert sample_secret(written(MERCHANT_ID="m1", MERCHANT_WEBHOOK_SECRETS=secrets)) == OTHER_SECRET
    assert sample_secret(written(MERCHANT_ID="m3", MERCHANT_WEBHOOK_SECRETS=secrets)) is None
    assert sample_secret(written(MERCHANT_ID="m1")) is None


def test_a_signature_is_known_however_old_and_whichever_of_several_it_is() -> None:
    told = attempt(ago_s=86_400)
    headers, body = told["headers"], told["body"]
    several = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}

    assert is_signed_with(OTHER_SECRET, headers, body=body)
    assert is_signed_with(OTHER_SECRET, several, body=body)
    assert not is_signed_with(OTHER_SECRET, headers, body=f"{body} ")
    assert not is_signed_with("whsec_AAAA", headers, body=body)
    assert not is_signed_with(OTHER_SECRET, {**headers, "webhook-timestamp": "soon"}, body=body)
    assert not is_signed_with(OTHER_SECRET, {}, body=body)
