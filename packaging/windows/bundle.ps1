# Builds dist\deid-desktop on Windows, as packaging/bundle does elsewhere. Not run where this was
# written; the workflow packaging.yml does.
#
# Signing: set SIGN_THUMBPRINT to that of a certificate in the person's store; without it nothing is
# signed, and Windows warns who installs it.
$ErrorActionPreference = "Stop"
Set-Location (Split-Path -Parent (Split-Path -Parent $PSScriptRoot))

function Invoke-Step { param([string] $Program, [string[]] $Arguments)
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Program failed ($LASTEXITCODE)" }
}

# As elsewhere, PYTHON names another interpreter.
if ($env:PYTHON) { Invoke-Step $env:PYTHON @("-m", "venv", ".venv") }
else { Invoke-Step py @("-3.11", "-m", "venv", ".venv") }
$python = ".venv\Scripts\python.exe"
Invoke-Step $python @("-m", "pip", "install", "--quiet", "--constraint", "packaging\constraints.txt",
    "--extra-index-url", "https://download.pytorch.org/whl/cpu", ".[packaging]")
Invoke-Step $python @("-m", "PyInstaller", "--noconfirm", "--clean", "--distpath", "dist",
    "--workpath", "build\pyinstaller", "packaging\deid_desktop.spec")

if ($env:SIGN_THUMBPRINT) {
    foreach ($name in "deid-desktop.exe", "Deid Desktop.exe") {
        Invoke-Step signtool @("sign", "/sha1", $env:SIGN_THUMBPRINT, "/fd", "sha256", "/tr",
            "http://timestamp.digicert.com", "/td", "sha256", "dist\deid-desktop\$name")
    }
}

# Tried as packaging/smoke_test tries it: every stage on the sample photos.
$program = "dist\deid-desktop\deid-desktop.exe"
Invoke-Step $program @("--version")
Invoke-Step $program @("models")
Invoke-Step $program @("redact", "resources\samples", "--out", "build\tried", "--on-failure", "solid",
    "--overwrite")
