"""Credentials are found wherever they stand, what documentation shows is not, and no value is ever told.

The credentials here are made up at run time, so that neither this scanner nor another one stops at this file.
"""

from __future__ import annotations

import pickle
import random
import string
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.engine.leaks import Leak, find_leaks

LETTERS = string.ascii_letters
ALPHABET = LETTERS + string.digits
HEX = "0123456789abcdef"
MEBIBYTE = 1 << 20


def made_up(alphabet: str, length: int, seed: int = 1) -> str:
    return "".join(random.Random(f"{alphabet}{length}{seed}").choices(alphabet, k=length))


SECRET = made_up(ALPHABET, 24)
BODY = "\n".join(made_up(ALPHABET + "+/", 64, seed) for seed in range(3))


def key_block(kind: str, between: str = "\n") -> str:
    words = f"{kind}PRIVATE" + " KEY"
    return f"-----BEGIN {words}-----\n{BODY}\n-----END {words}-----".replace("\n", between)


TOKENS = {
    "AWS access key": ["AK" + "IA" + made_up(string.ascii_uppercase + "234567", 16), "AS" + "IA" + "Q3" * 6 + "WXYZ"],
    "GitHub token": [f"gh{kind}_" + made_up(ALPHABET, 36) for kind in "pousr"]
    + ["github" + "_pat_" + made_up(ALPHABET, 22) + "_" + made_up(ALPHABET, 59)],
    "GitLab token": ["gl" + "pat-" + made_up(ALPHABET + "_-", 20)],
    "Slack token": ["xo" + f"xb-{made_up(string.digits, 12)}-{made_up(string.digits, 12)}-{made_up(ALPHABET, 24)}"],
    "Slack webhook": ["https://hooks.slack" + f".com/services/T0{made_up(HEX, 7).upper()}/B09AZ4KQ1X7/{SECRET}"],
    "Stripe live key": ["sk_" + "live_" + made_up(ALPHABET, 24), "rk_" + "live_" + made_up(ALPHABET, 99)],
    "Google API key": ["AI" + "za" + made_up(ALPHABET + "_-", 34) + "Q"],
    "Google client secret": ["GOC" + "SPX-" + made_up(ALPHABET, 28)],
    "Anthropic API key": ["sk-" + "ant-api03-" + made_up(ALPHABET + "_-", 93) + "AA"],
    "OpenRouter API key": ["sk-" + "or-v1-" + made_up(HEX, 64)],
    "OpenAI API key": ["sk-" + "proj-" + made_up(ALPHABET + "_-", 155) + "A", "sk-" + made_up(ALPHABET, 48)],
    "Hugging Face token": ["hf" + "_" + made_up(LETTERS, 34)],
    "Groq API key": ["gs" + "k_" + made_up(ALPHABET, 52)],
    "xAI API key": ["xa" + "i-" + made_up(ALPHABET, 80)],
    "npm token": ["np" + "m_" + made_up(ALPHABET, 36)],
    "PyPI token": ["py" + "pi-AgEIcHlwaS5vcmc" + made_up(ALPHABET + "_-", 90) + "A"],
    "SendGrid API key": ["S" + "G." + made_up(ALPHABET, 22) + "." + made_up(ALPHABET, 43)],
    "Twilio API key": ["S" + "K" + made_up(HEX, 32)],
    "Telegram bot token": [made_up("123456789", 10) + ":" + "AA" + made_up(ALPHABET, 33)],
    "DigitalOcean token": ["dop" + "_v1_" + made_up(HEX, 64)],
    "Docker Hub token": ["dckr" + "_pat_" + made_up(ALPHABET, 27)],
    "Vault token": ["hv" + "s." + made_up(ALPHABET, 24)],
    "Azure storage key": ["AccountName=shop;Account" + "Key=" + made_up(ALPHABET + "+/", 86) + "==;EndpointSuffix=x"],
    "JSON web token": [
        "ey" + f"J{made_up(ALPHABET, 33)}.ey" + f"J{made_up(ALPHABET, 70)}.{made_up(ALPHABET + '_-', 43)}"
    ],
    "private key": [key_block(""), key_block("RSA "), key_block("OPENSSH ", "\r\n"), key_block("EC ", "\\n")],
    "password in a URL": [
        f"postgres://shop:{SECRET}@db.internal:5432/shop",
        "redis://:" + "s3cR3t!pw" + "@10.0.0.7:6379/0",
        "https://ci:" + "Zq9-tr4ctor" + "@git.shop.dev/app.git",
        "mongodb+srv://app:" + "k9%2FJd72hs" + "@cluster0.ab1cd.mongodb.net/x?w=1",
    ],
    "AWS secret key": [
        "aws_secret" + f"_access_key = {made_up(ALPHABET + '+/', 40)}",
        '"Secret' + f'AccessKey": "{made_up(ALPHABET + "+/", 40)}"',
    ],
    "bearer token": ["Authorization: Bearer" + f" {SECRET}"],
}
NAMED = [
    'password = "{}"',
    "    self.api_key: str = '{}'  # the shop's",
    'client_secret="{}",',
    'os.environ["API_TOKEN"] = "{}"',
    'os.environ.setdefault("API_TOKEN", "{}")',
    'connect(password=b"{}")',
    'if token == "{}":',
    "api_key: {}",
    'api-key: "{}"  # yaml',
    '{{"user":"ada","password":"{}","port":1}}',
    '"{{\\"token\\": \\"{}\\"}}"',
    "export DB_PASSWORD={}",
    "DB_PASSWORD='{}'",
    "APP_SECRET_KEY={}\r",
    "//registry.npmjs.org/:_authToken={}",
    "const apiToken: string = `{}`;",
    'const token string = "{}"',
    'static final String ACCESS_KEY = "{}";',
    'let token: &str = "{}";',
    "'secret' => '{}',",
    "<password>{}</password>",
    "https://shop.dev/hook?token={}&x=1",
    "Server=db;User=sa;Password={};",
    "+passwd = {}",
]
AROUND = {
    "Python": "import os\n\n\ndef connect():\n    return open('{}')\n",
    "YAML": "services:\n  shop:\n    - {}\n",
    "JSON": '{{"a": ["{}", 1]}}\n',
    "shell": "#!/bin/sh\ncurl -H 'X: {}' https://shop.dev\n",
    ".env": "DEBUG=1\nVALUE={}\n",
    "a string with escapes": 'x = "first\\n{}\\nlast"\n',
    "a diff": "+{}\n",
    "the end of all": "{}",
}
SHOWN = [
    "AKIA" + "IOSFODNN7" + "EXAMPLE",
    "aws_secret_access" + "_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
    "ghp_" + "x" * 36,
    "gho_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "sk-ant-api03-" + "your-key-goes-here-0000000000",
    "sk-" + "1234567890" * 4,
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0." + "k" * 43,
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6" + "tq/K1SZFPTOtr/KBHBeksoGMGw==",
    '"-----BEGIN PRIVATE KEY-----" in text',
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\n<your key>\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n",
    "postgres://user:password@localhost/shop",
    "postgres://postgres:postgres@db/shop",
    "amqp://guest:guest@mq",
    "https://user:${PASSWORD}@shop.dev",
    "https://user:$PASSWORD@shop.dev",
    "https://user:<password>@shop.dev",
    "https://user:xxxxxx@shop.dev",
    "https://user:{password}@shop.dev",
    "https://ada:Zq9tr4ctor@proxy.example.com:3128",
    "mysql://root:123456@localhost",
    'password = "correct horse"',
    'password = "changeme12345"',
    'password = "my-secret-password1"',
    'password = "${DB_PASSWORD_V2}"',
    'token = "{{ vault.token_3a4b }}"',
    'secret = f"{prefix}{number}-{salt1}"',
    'api_key = "<your-api-key-2a3b>"',
    'api_key = "xxxxxxxxxxxxxxxxxxxx"',
    "token = os.environ['API_TOKEN_2A3B']",
    'token = os.environ["API_TOKEN_2A3B"]',
    "api_key = settings.shop2.api_key_v1",
    "  apiKey: this.apiKey2,",
    "password = getpass.getpass1()",
    "token = secrets.token_hex(16)",
    "def login(user: str, password: str2 = default1) -> Token:",
    'token_type = "k9Jd72hsQ0v8Zk3nW1pL5"',
    'password_hash = "k9Jd72hsQ0v8Zk3nW1pL5"',
    'TOKEN_PATTERN = r"[a-z0-9]{20}_[A-Z0-9]{8}"',
    'token_url = "https://shop.dev/v2/0auth2/t0ken"',
    "password: |",
    "secretName: shop-database-credentials",
    "check_token(FlowSequenceEndToken)",
]


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize(("kind", "tokens"), TOKENS.items(), ids=TOKENS)
def test_each_kind_is_found_in_every_surrounding(kind: str, tokens: list[str], around: str) -> None:
    for token in tokens:
        text = around.format(token)
        line = text[: text.index(token)].count("\n") + 1
        assert find_leaks(text.encode()) == (Leak(kind, line),), token


@pytest.mark.parametrize("line", NAMED)
@pytest.mark.parametrize("value", [SECRET, made_up(HEX, 32), made_up(ALPHABET, 10) + "!%*^" + made_up(ALPHABET, 6)])
def test_what_a_name_calls_secret_and_looks_random_is_found(line: str, value: str) -> None:
    assert find_leaks(f"first\n{line.format(value)}\n".encode()) == (Leak("password or token", 2),)


@pytest.mark.parametrize("text", SHOWN)
def test_what_documentation_shows_is_none(text: str) -> None:
    assert find_leaks(f"first\n{text}\nlast\n".encode()) == ()


def test_this_file_holds_none() -> None:
    assert find_leaks(Path(__file__).read_bytes()) == ()


def test_an_encrypted_key_with_headers_is_one() -> None:
    headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B2C3D\n\n"
    assert find_leaks(key_block("RSA ").replace("\n", "\n" + headers, 1).encode()) == (Leak("private key", 1),)


def test_leaks_come_in_the_order_of_lines_and_each_once() -> None:
    github, aws = TOKENS["GitHub token"][0], TOKENS["AWS access key"][0]
    text = f"\n{github} {github}\n\n{aws}\n{github} {aws}\n"
    assert [(leak.line, leak.kind) for leak in find_leaks(text.encode())] == [
        (2, "GitHub token"),
        (4, "AWS access key"),
        (5, "GitHub token"),
        (5, "AWS access key"),
    ]


@given(st.binary(max_size=400))
def test_any_bytes_may_be_searched(text: bytes) -> None:
    assert all(1 <= leak.line <= text.count(b"\n") + 1 for leak in find_leaks(text))


@given(
    st.binary(max_size=200),
    st.sampled_from([token for tokens in TOKENS.values() for token in tokens]),
    st.sampled_from([b" ", b"\t", b"'", b'"', b"=", b",", b"(", b"\0", b"\xff", b";"]),
    st.binary(max_size=200),
)
def test_a_credential_is_found_wherever_it_stands(before: bytes, token: str, delimiter: bytes, after: bytes) -> None:
    found = find_leaks(before + b"\n" + delimiter + token.encode() + b"\n" + after)
    assert before.count(b"\n") + 2 in [leak.line for leak in found]


@given(st.text(ALPHABET, min_size=36, max_size=36), st.text(max_size=20))
def test_no_value_is_told(body: str, around: str) -> None:
    for token in ("gh" + "p_" + body, f'password = "{body}"', f"postgres://shop:{body}@db.internal/x"):
        for leak in find_leaks(f"{around}\n{token}\n{around}".encode()):
            assert body not in repr(leak)
            assert body.encode() not in pickle.dumps(leak)


HOSTILE = [
    *(
        "a",
        "pwd",
        "sk-",
        "SK",
        "://",
        ":AA",
        "eyJ",
        "-eyJ",
        "\\neyJ",
        "\0",
        "token=",
        "token: a=",
        'token="',
        "secretkey=",
    ),
    *(
        "bearer ",
        "token    ",
        "tokentokentokentoken=",
        "-sk-ant-",
        "AIza",
        "eyJaaaaaaaaaa.eyJaaaaaaaaaa",
        "-----BEGIN ",
    ),
    *(
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----Aa: b\\n",
        "://a:bbbbbb",
        "://:passpasspasspass@h",
    ),
    *(
        f"pwd='{'aB3x9K' * 30}'",
        f"pwd='{'[' * 200}'",
        f"pwd='aB3{'<' * 190}'",
        f"pwd='aB3{'%' * 190}'",
        "pwd:abcabcabcab,",
    ),
    *(f"token={SECRET} ", f'token="{SECRET}"', f"{TOKENS['GitHub token'][0]} ", f'token="{SECRET}"\n'),
]


@pytest.mark.parametrize("piece", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * (MEBIBYTE // 4 // len(piece) + 1)).encode()
    started = time.process_time()
    find_leaks(text)
    assert time.process_time() - started < 5.0, (
        "a quarter of a mebibyte, which takes 0.3 s at most where nobody else works"
    )
