"""Headers of every answer: what a browser may do with it. Public pages run nothing and fetch nothing."""

from typing import Final

from passport.documents.page import style_hash

PERMISSIONS: Final = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(),"
    " payment=(), usb=(), browsing-topics=()"
)
# What no page, file or error of this service needs.
EVERYWHERE: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Permissions-Policy", PERMISSIONS),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
# Whoever reads a public passport may read it from any site; nothing personal is in the answer.
OPEN: Final = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Link, ETag, Location"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)
PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
    ("Access-Control-Allow-Headers", "Accept, Accept-Language, If-None-Match"),
    ("Access-Control-Max-Age", "86400"),
)
# Looked at again before each use, so that a recall or a successor shows on the next request.
REVALIDATE: Final = ("Cache-Control", "public, no-cache")
FOR_EVER: Final = ("Cache-Control", "public, max-age=31536000, immutable")
BRIEFLY: Final = ("Cache-Control", "public, max-age=300")
NEVER: Final = ("Cache-Control", "no-store")
STRICT_TRANSPORT: Final = ("Strict-Transport-Security", "max-age=31536000")


def policy(*style_hashes: str) -> str:
    """The content security policy of a page whose inline styles have these digests (`sha256-...`)."""
    styles = " ".join(f"'{one}'" for one in style_hashes)
    return "; ".join(
        [
            "default-src 'none'",
            *([f"style-src {styles}"] if styles else []),
            "img-src data:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def page_policy() -> str:
    """The policy of the public page and the error pages."""
    return policy(style_hash())
