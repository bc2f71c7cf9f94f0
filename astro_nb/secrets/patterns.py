"""Which names mean a secret, and which texts look like a credential, by tables of patterns.

Whether a field with such a name is a secret also depends on its type and on the document: see `schema/`.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import orjson

# --- names ------------------------------------------------------------------------------------------------------------

SECRET_HEADERS = frozenset(("set-cookie", "authorization", "proxy-authorization", "cookie"))
"""Headers whose value is a credential although their name is no `is_secret_name`, in lower case."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_JOINED = re.compile(
    r"(.+?)(password|passwd|passphrase)s?|(api|private|secret|access|auth|client|refresh|session|csrf|xsrf|bearer|signing|"
    r"encryption|master|id|bot|user|app|shared)(key|token|secret)s?"
)
"""Two words that a name joins without a sign: `apikey`."""


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FILLERS = _table(
    "value data text pem base b plain plaintext raw string encoded confirmation confirm again repeat current"
    " hash json bytes ciphertext"
)
"""Words at the end of a name that say how a secret is written, or which one it is."""

_SECRET_WORDS = _table("password passwd passphrase passcode pwd secret jwt cvv cvc")
"""Last words of names whose value is a secret."""

_SECRET_PAIRS: dict[str, frozenset[str]] = {
    "key": _table(
        "api private secret access auth authentication authorization encryption signing master webhook hmac"
        " bearer aes app admin"
    ),
    "token": _table(
        "access refresh auth authentication authorization api app bearer id session security csrf xsrf oauth"
        " personal bot reset registration secret jwt admin login user runner deploy deployment agent invite"
        " invitation verification sas subject vault service organization workspace"
    ),
    "word": _table("pass"),
    "phrase": _table("pass seed recovery secret"),
    "code": _table("pass recovery backup"),
    "connection": _table("string"),
}
"""Last words of names whose value is a secret, each after one of these words."""

_HINT_WORDS = _table("token key auth pat cookie session credential")
"""Last words of names whose value is a secret if it looks like one: see `is_random`."""

_NO_SECRET_WORDS = _table(
    "public primary foreign sort partition idempotency object cache page next previous prev continuation"
    " pagination sync cursor resume start end last first change group row column unique translation label tag"
    " metadata issue file parent child routing range hash shard node feature lookup search after before pub"
    " stop paging pager more skip scroll marker batch iterator position offset continue checkpoint delta"
    " version lock since until"
)
"""Words before `key` or `token` that say that it is none."""

NAME_PARTS = (
    *("pass", "pwd", "secret", "token", "key", "jwt", "cvv", "cvc", "code", "phrase", "string", "auth"),
    *("pat", "cookie", "session", "credential"),
)
"""In lower case, one of these is part of every name of a secret."""

_LONGEST_NAME = 200  # characters of a name that are looked at
_CACHED_NAMES = 8192


@lru_cache(maxsize=_CACHED_NAMES)
def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, without fillers and numbers at its end."""
    words: list[str] = []
    for word in _WORD.findall(name[-_LONGEST_NAME:]):
        joined = _JOINED.fullmatch(word.lower())
        words += [part for part in joined.groups() if part] if joined else [word.lower()]
    if words[-2:] == ["connection", "string"]:
        return ("string", "connection")
    while len(words) > 1 and (words[-1] in _FILLERS or words[-1].isdigit()):
        words.pop()
    return tuple(words)


def _is_secret(words: tuple[str, ...]) -> bool:
    last, before = words[-1], words[-2:-1]
    return last in _SECRET_WORDS or bool(_SECRET_PAIRS.get(last, frozenset()).intersection(before))


@lru_cache(maxsize=_CACHED_NAMES)
def is_secret_name(name: str) -> bool:
    """Whether a name means that its value is a secret, whatever the document declares: `dbPassword`, `api_key`."""
    words = _words(name)
    return bool(words) and _is_secret(words)


@lru_cache(maxsize=_CACHED_NAMES)
def is_secrets_name(name: str) -> bool:
    """Whether a name means that its value is a list of secrets, if it is a list of texts: `recovery_codes`."""
    words = _words(name)
    return bool(words) and words[-1].endswith("s") and _is_secret((*words[:-1], words[-1][:-1]))


@lru_cache(maxsize=_CACHED_NAMES)
def may_be_secret_name(name: str) -> bool:
    """Whether the value of a name is a secret if it looks like one (`is_random`): `token`, `sasKey`, `x-auth`."""
    words = _words(name)
    hints = bool(words) and (words[-1] in _HINT_WORDS or words[-1].removesuffix("s") in _HINT_WORDS)
    return hints and not _NO_SECRET_WORDS.intersection(words[-3:-1])


def is_secret_header(name: str) -> bool:
    """Whether a header carries a credential; case does not count (RFC 9110, section 5.1)."""
    return name.lower() in SECRET_HEADERS or is_secret_name(name)


URL_NAMES = (
    r"pass(?:word|wd|phrase)|(?:client[-_]?)?secret|(?:private|api|secret)[-_]?key"
    r"|(?:access|refresh|auth|id)[-_]?token|sig(?:nature)?|token"
)
"""The pattern of a URL parameter's name whose value may be a credential; the value has to look like one, too."""


# --- prose ------------------------------------------------------------------------------------------------------------

_NOUN = r"""
    (?: (?: api | access | private | secret | signing | auth(?:entication|orization)? | encryption | webhook | session
          | refresh | bearer | security | admin | oauth2? ) [ -]? (?: key | token | secret )s?
      | passwords? | pass[ ]?phrases? | (?:client[ ])? secret (?:[ ]value)? | credentials? | jwt )
"""
_LABEL = re.compile(
    rf"""
    (?: (?: an? | the | your | its? | this | new | plain(?:[ -]?text)? | generated | actual | raw | full | user(?:'s)?
          | account | database | db ) \s+ ){{0,4}}
    (?: \w+ \s+ )? {_NOUN}
    (?= \s* (?: [.,;:(] | $ | \n | used | to[ ]be[ ]used | in[ ]plain | itself
               | that[ ](?:is|can[ ]be|must[ ]be)[ ](?:used|sent)
               | for[ ](?:the|this|an?|your|authenticat|connect|access)
               | of[ ](?:the|this|an?|your)[ ](?:user|account|database|db|connection|client|service|server) ))
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A title, or the beginning of a description, that names a secret: "The API key. Only set …"."""

_ONCE = re.compile(
    r"""
      (?: only | just ) \s+ (?: be \s+ )?
      (?: set | shown | returned | visible | displayed | available | present | provided | included | populated | given
        | exposed | revealed | seen ) \s+ (?: only \s+ )?
      (?: once | one[ ]time | a[ ]single[ ]time | immediately | directly | right | upon | at | on | during | when
        | after | in[ ]the[ ]response[ ](?:to|of) )
    | (?: shown | returned | displayed | visible | available | exposed | revealed | provided | seen | viewed ) \s+
      (?: to[ ]you \s+ )? (?: only | exactly | just ) \s+ (?: \w+ \s+ )?
      (?: once | one[ ]time | (?:at|on|upon)[ ]creation | (?:after|when)[ ]creat | immediately )
    | (?: can(?:not|'t|[ ]not) | will[ ]not | won't | will[ ]never | never ) \s+ (?: be \s+ )? (?: able[ ]to \s+ )?
      (?: see | view | retrieve | show | display | return | access | recover ) \w* \s+ (?: it \s+ )?
      (?: again | later | after | once | any[ ]?more )
    | (?: keep | store ) \s+ (?: it | this | them | the[ ]\w+ ) \s+
      (?: secret | private | confidential | safe | secure )
    | (?: do[ ]not | don't | never ) \s+ share
    | one[- ]time[ ](?:display|view|visible)
    | treat \s+ \w+ \s+ (?: \w+ \s+ )? (?: like | as ) [ ] a [ ] password
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What descriptions say of a value that is shown once, or to be kept secret."""

_MENTION = re.compile(r"\b(?:(?:api[ -]?)?keys?|tokens?|secrets?|passwords?|credentials?|passphrase)\b", re.IGNORECASE)
_HARMLESS = re.compile(
    r"""
    \b (?: public (?: [ -]key | [ ]part | [ ]half | ly ) | pagination | paging | page[ ]token | cursor | next[ ]page
         | continuation | idempoten | hint \b | masked | obfuscated | redacted | reference[ ]to
         | (?: name | id | identifier | number | list | type | url | uri | path | location | hash | fingerprint
             | prefix | status | arn ) [ ] of \b )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What descriptions say of keys and tokens that are no secrets."""

_ABOUT_WORDS = _table(
    "id ids name names count type types status url urls uri path at date time expiry expires expiration length"
    " size limit policy prefix suffix hint label description version format algorithm fingerprint arn ref"
    " reference enabled required title note comment message reason scope scopes permission permissions uuid"
    " guid username user email host method kind mode location usage issuer owner by"
)
"""Last words of names of what is about a secret, and is none."""

_LONGEST_PROSE = 1000  # characters of a description that are looked at


def is_secret_by_prose(name: str, title: str, description: str, is_write_only: bool = False) -> bool:
    """Whether the document's words about a text mean that it is a secret.

    A title that names a secret ("API key"); a description that begins with one ("The API key. …"); or one that says of
    a key or token that it is shown once, or has to be kept secret; or a key or token that the server never returns.
    """
    title, description = title[:_LONGEST_PROSE], description[:_LONGEST_PROSE].strip()
    words = _words(name)
    if (words and words[-1] in _ABOUT_WORDS) or _HARMLESS.search(f"{title}\n{description}"):
        return False
    prose = f"{title}\n{description}"
    if _MENTION.search(prose) or may_be_secret_name(name):
        if is_write_only or _ONCE.search(prose):
            return True
        if words and words[-1] in _HINT_WORDS:
            return any(_LABEL.match(text) for text in (title.strip(), description))
    return is_secret_name(title) and len(title.split()) <= _LONGEST_TITLE


_LONGEST_TITLE = 4  # words of a title that is a name and no sentence


def is_harmless_by_prose(title: str, description: str) -> bool:
    """Whether the document's words about a key or token mean that it is no secret, such as "the public key"."""
    return bool(_HARMLESS.search(f"{title[:_LONGEST_PROSE]}\n{description[:_LONGEST_PROSE]}"))


# --- values -----------------------------------------------------------------------------------------------------------

_RUN = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5}|\b[^aeiouy]{4,}\b")
_BITS_OF_LETTER, _BITS_OF_WORD, _BITS_OF_DIGIT, _BITS_OF_SIGN = 4.7, 2.0, 3.3, 3.0
_SHORTEST_WORD = 3  # letters
_FEWEST_BITS = 28.0
_SHORTEST_DISTINCTIVE = 6


def estimate_bits(value: str) -> float:
    """Return roughly how many bits a guesser of a value needs: words and sequences of digits count little."""
    return sum(_bits_of_run(run) for run in _RUN.findall(value))


def _bits_of_run(run: str) -> float:
    if run.isdecimal():
        steps = [ord(b) - ord(a) for a, b in itertools.pairwise(run)]
        changes = 1 + sum(a != b for a, b in itertools.pairwise([steps[0], *steps] if steps else []))
        return _BITS_OF_DIGIT * min(changes, len(set(run)) + len(run) // 4)
    distinct = min(len(run), 2 * len(set(run.casefold())))
    if not run[0].isalpha():
        return _BITS_OF_SIGN * len(set(run))
    is_mixed = sum(a.islower() and b.isupper() for a, b in itertools.pairwise(run)) > len(run) / 6
    if len(run) < _SHORTEST_WORD or is_mixed or _CONSONANTS.search(run.casefold()):
        return _BITS_OF_LETTER * (len(run) if distinct == len(run) else len(set(run.casefold())))
    return _BITS_OF_WORD * min(distinct, len(set(run.casefold())) + len(run) // 4)


def is_distinctive(secret: str) -> bool:
    """Whether a text that equals this secret can be nothing else: it is long, or varied, and no common word or number.

    Any other secret, such as `000000` or `admin`, is masked only where it is known to be the secret.
    """
    return len(secret) >= _SHORTEST_DISTINCTIVE and estimate_bits(secret) >= _FEWEST_BITS


_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+/=:!$%^&*@#-]{14,8000}")
_ADDRESS = re.compile(
    r"\A(?:[A-Za-z][\w+.-]*:/|/|\.{0,2}/|[\w.+-]+@[\w.-]+\Z|[\w-]+(?:\.[A-Za-z][\w-]*){2,}\Z|\d{4}-\d\d-\d\d|(?:ssh-|ecdsa-|sk-ssh))"
)
_FEWEST_RANDOM_BITS = 60.0


def is_random(value: str) -> bool:
    """Whether a text looks like a key or token: long, of letters and digits without order, and no UUID or address."""
    if value.startswith("-----BEGIN "):
        return "PRIVATE KEY" in value[:60]
    if not _TOKEN.fullmatch(value) or _UUID.fullmatch(value) or _ADDRESS.match(value) or _PLACEHOLDERS.search(value):
        return False
    has_both = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return has_both and estimate_bits(value) >= _FEWEST_RANDOM_BITS


_PLACEHOLDERS = re.compile(
    r"\*{3}|\{|\}|<|>|\$|%7b|…|\.{3}|x{4}|X{4}|0{8}|environ|getenv|example|placeholder|redacted|your[-_]|changeme"
    r"|SECRET__|^env:|^dotenv:|^keyring:|^prompt:|^held:",
    re.IGNORECASE,
)
"""What people write in place of a credential: stars, templates, names of variables, words such as "example"."""

_SHOWN = 4  # characters of a possible secret that are shown, at most
_FEWEST_CHARACTERS = 5  # different ones: a value with fewer is a placeholder such as "aaaa-bbbb"
_LONGEST_PORT = 5  # digits


@dataclass(frozen=True)
class CredentialPattern:
    """One kind of credential.

    Attributes:
        kind: its name.
        pattern: a regular expression whose group 1 is the value.
        is_credential: a check of that value.
        parts: every text with such a credential contains one of these, in lower case.
    """

    kind: str
    pattern: re.Pattern[str]
    is_credential: Callable[[str], bool]
    parts: tuple[str, ...]


def match_patterns(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield offset, kind and value of everything that looks like a credential; no part of the text twice."""
    matched: list[tuple[int, int]] = []
    folded = text.lower()
    for candidate in PATTERNS:
        if not any(part in folded for part in candidate.parts):
            continue
        for match in candidate.pattern.finditer(text):
            start, end = match.span(1)
            if any(start < upper and lower < end for lower, upper in matched) or not candidate.is_credential(match[1]):
                continue
            matched.append((start, end))
            yield start, _kind(candidate.kind, match[1]), match[1]


def abbreviate(value: str) -> str:
    """Return the first characters of a possible secret, at most four, and stars."""
    return f"{value[: min(_SHOWN, len(value) // 4)]}*****"


def _kind(kind: str, value: str) -> str:
    claims = _decode_json(value.split(".")[1]) if kind == "JWT" else None
    return "Astro API token" if isinstance(claims, dict) and "apiTokenId" in claims else kind


def _decode_json(part: str) -> Any:
    try:
        return orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error):
        return None


def _is_jwt(value: str) -> bool:
    header = _decode_json(value.split(".")[0])
    return isinstance(header, dict) and ("alg" in header or "typ" in header)


def _is_no_placeholder(value: str) -> bool:
    return not _PLACEHOLDERS.search(unquote(value)) and len(set(value)) >= _FEWEST_CHARACTERS


def _has_digits(value: str) -> bool:
    """Whether a value is neither a placeholder nor words of a language: credentials contain digits."""
    return _is_no_placeholder(value) and any(character.isdigit() for character in value)


def _is_login(value: str) -> bool:
    """Whether a value is user and password in base64, as Basic authentication sends them (RFC 7617)."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        return False
    return bool(colon and password) and password.isprintable() and not _PLACEHOLDERS.search(f"{user} {password}")


def _is_password(value: str) -> bool:
    """Whether the text before an @ can be a password, and is neither a port nor a placeholder."""
    if value.isdigit() and len(value) <= _LONGEST_PORT:
        return False
    return not _PLACEHOLDERS.search(unquote(value)) and value.lower() not in ("password", "pass", "secret", "token")


def _pattern(
    kind: str,
    parts: tuple[str, ...],
    pattern: str,
    is_credential: Callable[[str], bool] = _is_no_placeholder,
    flags: int = 0,
) -> CredentialPattern:
    return CredentialPattern(kind, re.compile(pattern, flags), is_credential, parts)


_VALUE = r"[A-Za-z0-9._~+/=-]"

PATTERNS: tuple[CredentialPattern, ...] = (
    _pattern(
        "private key",
        ("private key",),
        r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY-----((?:\s|\\[rn]|[A-Za-z0-9+/=:,-]){40})",
    ),
    _pattern("JWT", ("eyj",), r"(?<![\w-])(eyJ[\w-]{8,4000}\.[\w-]{2,16000}\.[\w-]{16,4000})", _is_jwt, re.ASCII),
    _pattern("AWS key", ("akia", "asia"), r"(?<![A-Za-z0-9])((?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Za-z0-9])"),
    _pattern(
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"(?<![\w])(gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{60,255})",
        flags=re.ASCII,
    ),
    _pattern("Slack token", ("xox",), r"(?<![\w-])(xox[abeoprs]-[A-Za-z0-9-]{20,250})", _has_digits, re.ASCII),
    _pattern("Google key", ("aiza",), r"(?<![\w-])(AIza[\w-]{35})(?![\w-])", _has_digits, re.ASCII),
    _pattern("Basic credential", ("basic",), r"\bBasic\s{1,4}([A-Za-z0-9+/]{8,4000}={0,2})", _is_login, re.IGNORECASE),
    _pattern("bearer token", ("bearer",), rf"\bBearer\s{{1,4}}({_VALUE}{{16,8000}})", _has_digits, re.IGNORECASE),
    _pattern(
        "Authorization header",
        ("authorization",),
        rf"\bAuthorization[\"'\\]{{0,4}}\s{{0,4}}[:=,]\s{{0,4}}[\"'\\]{{0,4}}(?:(?:Token|ApiKey|Key)\s+)?({_VALUE}{{16,8000}})",
        _has_digits,
        re.IGNORECASE,
    ),
    _pattern(
        "credential in a URL",
        ("pass", "secret", "key", "token", "sig"),
        rf"[?&](?:amp;)?(?:[\w-]{{0,40}}[-_])?(?:{URL_NAMES})=([^&\s\"'<>#\\`)]{{8,4000}})",
        _has_digits,
        re.IGNORECASE | re.ASCII,
    ),
    _pattern(
        "password in a URL",
        ("://",),
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'<>?#\\]{1,200}:([^\s/@\"'<>\\]{3,200})@[A-Za-z0-9\[]",
        _is_password,
    ),
)
"""Every pattern, in order: text that one has matched is not matched again by a later one. A new kind is a new row."""
