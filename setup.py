"""Builds the distribution buildbot-classic, which installs the package and the command buildbot.

Settings of tools live in pyproject.toml; what is tested where, in .ci/run.
"""

from __future__ import annotations

import os
import re

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))

#: The sample is kept where a reader of the sources looks for it, and installed where the command finds it.
SAMPLE = "master.cfg.sample"
INSTALLED_SAMPLE = os.path.join("buildbot", "scripts", SAMPLE)

#: The oldest Twisted that the tests pass with; .ci/run runs them with it.
TWISTED = "22.10"

SLAVE = ["buildbot-worker>=4.0"]
TLS = [f"twisted[tls]>={TWISTED}"]
#: For a Python prompt inside the master, over SSH.
MANHOLE = [f"twisted[conch]>={TWISTED}"]
#: For logs in object storage.
S3 = ["minio>=7.2"]
#: For checkconfig --migrate: a successor of lib2to3, which Python no longer has.
MIGRATE = ["fissix>=24"]
#: For latent slaves in Amazon EC2.
EC2 = ["boto3>=1.28"]
#: For a store in PostgreSQL. It is under the LGPL: imported where it is used, never copied.
POSTGRES = ["psycopg[binary]>=3.2"]
#: moto, flask and flask-cors: the server in the place of Amazon EC2.
DEV = [
    *(
        "aiosmtpd",
        "build",
        "coverage[toml]>=7.13",
        "flask",
        "flask-cors",
        "hypothesis",
        "moto[ec2]>=5",
        "mypy",
    ),
    *("mypy-zope", "ruff", "sphinx>=7"),
]


def read(name: str) -> str:
    """A text file of the source tree, or nothing where it does not exist."""
    try:
        with open(os.path.join(HERE, name), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def version() -> str:
    """The package's version, read as text: an import would need packages that are not installed yet."""
    found = re.search(r'^version = "([^"]+)"$', read("buildbot/__init__.py"), re.MULTILINE)
    if found is None:
        raise RuntimeError("buildbot/__init__.py does not state a version")
    return found.group(1)


class BuildWithSample(build_py):
    """Also puts the sample configuration into the package (an editable install reads it in its place)."""

    def run(self) -> None:
        """Copy the modules, then the sample."""
        build_py.run(self)
        if not self.editable_mode:
            target = os.path.join(self.build_lib, INSTALLED_SAMPLE)
            self.mkpath(os.path.dirname(target))
            self.copy_file(os.path.join(HERE, SAMPLE), target, preserve_mode=False)

    def get_source_files(self) -> list[str]:
        """The files that this command adds to a source distribution."""
        return [*build_py.get_source_files(self), SAMPLE]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """The files that this command installs."""
        return [
            *build_py.get_outputs(self, include_bytecode),
            os.path.join(self.build_lib, INSTALLED_SAMPLE),
        ]

    def get_output_mapping(self) -> dict[str, str]:
        """Which installed file comes from which source."""
        mapping: dict[str, str] = build_py.get_output_mapping(self)
        mapping[os.path.join(self.build_lib, INSTALLED_SAMPLE)] = SAMPLE
        return mapping


setup(
    name="buildbot-classic",
    version=version(),
    description="A build master for every Perspective Broker slave since 2006, on today's Python",
    long_description=read("README"),
    long_description_content_type="text/x-rst",
    author="The buildbot-classic contributors",
    license="MIT",
    license_files=["LICENSE"],
    packages=find_packages(include=["buildbot", "buildbot.*"]),
    data_files=[("share/man/man1", ["buildbot/scripts/buildbot.1"])],
    package_data={"buildbot": ["py.typed"], "buildbot.web": ["static/*"]},
    python_requires=">=3.10",
    install_requires=[f"twisted>={TWISTED}", "zope.interface"],
    extras_require={
        "slave": SLAVE,
        "tls": TLS,
        "migrate": MIGRATE,
        "manhole": MANHOLE,
        "s3": S3,
        "ec2": EC2,
        "postgres": POSTGRES,
        "dev": [*SLAVE, *TLS, *MIGRATE, *MANHOLE, *S3, *EC2, *POSTGRES, *DEV],
    },
    entry_points={"console_scripts": ["buildbot = buildbot.__main__:run"]},
    cmdclass={"build_py": BuildWithSample},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: No Input/Output (Daemon)",
        "Framework :: Twisted",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Software Development :: Build Tools",
        "Topic :: Software Development :: Testing",
    ],
)
