"""RFC 6962 proofs, good and broken, of the transparency-dev project."""

import base64
import json

from passport.errors import VerificationFailed
from passport.signing import log


def decoded(text):
    return base64.b64decode(text or "")


def holds(check, *arguments):
    try:
        check(*arguments)
    except VerificationFailed:
        return False
    return True


def test_every_inclusion_proof_is_judged_as_labelled(shared):
    cases = json.loads(shared("vectors/merkle/rfc6962-proofs.json").read_bytes())["inclusion"]
    wrong = [
        case["file"]
        for case in cases
        if holds(
            log.verify_inclusion,
            decoded(case["leafHash"]),
            case["leafIdx"],
            case["treeSize"],
            [decoded(node) for node in case["proof"] or []],
            decoded(case["root"]),
        )
        == case["wantErr"]
    ]
    assert wrong == []
    assert len(cases) == 49


def test_every_consistency_proof_is_judged_as_labelled_except_that_an_empty_tree_has_one_root(shared):
    cases = json.loads(shared("vectors/merkle/rfc6962-proofs.json").read_bytes())["consistency"]
    wrong = [
        case["file"]
        for case in cases
        if holds(
            log.verify_consistency,
            case["size1"],
            case["size2"],
            [decoded(node) for node in case["proof"] or []],
            decoded(case["root1"]),
            decoded(case["root2"]),
        )
        == case["wantErr"]
    ]
    assert wrong == EMPTY_TREE
    assert len(cases) == 49


# The source accepts any root for size 0; docs/decisions/0044 says why we do not. None of these cases tells.
EMPTY_TREE: list[str] = []
