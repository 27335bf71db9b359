"""tsc --strict compiles a client of our types, and refuses a wrong one."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from factory.asyncapi import asyncapi_document
from factory.papers import typescript_text
from factory.urls import registry

pytestmark = pytest.mark.integration

PACKAGES = Path(__file__).parent / "typescript"
NODE, NPM = shutil.which("node"), shutil.which("npm")
WRONG = """
import { createTRPCClient, httpLink } from '@trpc/client';
import superjson from 'superjson';
import type { AppRouter } from './trpc-types.js';

const api = createTRPCClient<AppRouter>({ links: [httpLink({ url: '/', transformer: superjson })] });
export const wrong = async () => (await api.devices.getById.query({ id: 1 })).colour;
"""


@pytest.fixture(scope="session")
def packages() -> Path:
    if not (NODE and NPM):
        pytest.skip("node and npm are not on this machine")
    with (PACKAGES / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of pytest-xdist share the folder
        if not (PACKAGES / "node_modules" / "typescript").exists():
            subprocess.run(
                [NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=PACKAGES, check=True
            )
    return PACKAGES


@pytest.fixture
def project(packages, tmp_path):
    for name in ("client.ts", "wrong.ts", "tsconfig.json", "package.json"):
        shutil.copy(packages / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    (tmp_path / "trpc-types.d.ts").write_text(typescript_text(registry))
    return tmp_path


def compile_in(project: Path) -> tuple[int, list[str]]:
    assert NODE
    tsc = subprocess.run(
        [NODE, "node_modules/typescript/bin/tsc", "-p", "."], cwd=project, capture_output=True, text=True
    )
    return tsc.returncode, tsc.stdout.splitlines()


def test_a_client_compiles_and_each_wrong_statement_is_one(project):
    assert compile_in(project) == (0, [])


def test_a_field_that_does_not_exist_fails_to_compile(project):
    (project / "colour.ts").write_text(WRONG)

    status, said = compile_in(project)

    assert (status, said) == (
        2,
        ["colour.ts(7,79): error TS2339: Property 'colour' does not exist on type 'DeviceRow'."],
    )


def test_the_asyncapi_document_is_valid(packages):
    schema = json.loads((packages / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text())

    jsonschema.Draft7Validator(schema).validate(asyncapi_document())
