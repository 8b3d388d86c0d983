"""A notebook's cells, run by JupyterLab in Chromium: what stands under them opens by click.

    make interop
    python tests/interop/notebook.py [--write]       with --write docs gets its picture

JupyterLab and its kernel are put in build/interop; FlowTrace is that of the environment which runs this.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

from shared import BUILD, PICTURES, PUPPETEER, browse, check, failures, install_from_npm, publish, run

JUPYTER = BUILD / "jupyter"
PACKAGES = ("jupyterlab==4.4.10", "ipykernel==7.1.0")
SHOP = """
class Order:
    def __init__(self, number, total):
        self.number, self.total = number, total

def parse(line):
    number, total = line.split(",")
    return Order(int(number), float(total))

def discount(order):
    return 0.1 if order.total > 100 else 0.0

def price(order):
    return round(order.total * (1 - discount(order)), 2)

def settle(lines):
    prices = []
    for line in lines:
        try:
            prices.append(price(parse(line)))
        except ValueError:
            prices.append(None)
    return prices
"""
CELLS = (
    "%load_ext flowtrace\nfrom shop import settle",
    '%%flowtrace\nsettle(["1,20.5", "2,140", "3,9.99", "4,two", "5,310"])',
    "import flowtrace\nwith flowtrace.active_tracing('a.flow'): settle(['1,20.5', '2,140'])\n"
    "with flowtrace.active_tracing('b.flow'): settle(['1,20.5', '2,two'])\n"
    "flowtrace.diff('a.flow', 'b.flow')",
)


def install() -> None:
    install_from_npm(PUPPETEER)
    made, wanted = JUPYTER / "made-of", "\n".join([sys.version, *PACKAGES])
    if not made.exists() or made.read_text() != wanted:
        print("Installing", *PACKAGES)
        venv.create(JUPYTER, clear=True, with_pip=True)
        run(JUPYTER / "bin/python", "-m", "pip", "install", "--quiet", "--prefer-binary", *PACKAGES)
        made.write_text(wanted)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ours = Path(sys.executable).parent.parent / "lib" / version / "site-packages"
    (JUPYTER / "lib" / version / "site-packages/flowtrace-under-test.pth").write_text(f"{ours}\n")


def write_notebook(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.py").write_text(SHOP)
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for i, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    text = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "orders.ipynb").write_text(json.dumps(text))
    settings = folder / "config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))


def start_lab(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Return JupyterLab's server and where it listens; it serves this machine alone."""
    words = (
        "--no-browser",
        "--ip=127.0.0.1",
        "--ServerApp.port=0",
        "--IdentityProvider.token=",
        "--allow-root",
    )
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IPYTHONDIR": str(folder / "ipython")}
    environment |= {"JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data")}
    command = [str(JUPYTER / "bin/python"), "-m", "jupyterlab", "--expose-app-in-browser", *words]
    with (folder / "lab.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    for _ in range(600):
        for told in (folder / "runtime").glob("jpserver-*.json"):
            if told.stem == f"jpserver-{server.pid}" and (text := told.read_text()):
                return server, str(json.loads(text)["url"])
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"JupyterLab doesn't start: see {folder / 'lab.log'}")


def try_notebook() -> None:
    print("JupyterLab")
    folder = BUILD / "notebook"
    write_notebook(folder)
    server, url = start_lab(folder)
    trees = "document.querySelectorAll('.jp-OutputArea-output .flowtrace')"
    runs_all = "jupyterapp.commands.execute('notebook:run-all-cells').then(() => true)"
    steps = [
        ["wait", "globalThis.jupyterapp && document.querySelectorAll('.jp-CodeCell').length >= 3"],
        ["wait", "jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"],
        ["run", runs_all],
        ["wait", f"{trees}.length === 2"],
        ["run", "[...document.querySelectorAll('.jp-OutputArea-output')].map((one) => one.textContent)"],
        ["run", f"{trees}[0].querySelectorAll('details').length"],
        ["run", f"{trees}[0].querySelector('details summary').click()"],
        ["run", f"{trees}[0].querySelector('details').open"],
        ["run", f"{trees}[0].querySelector('details summary').click()"],
        ["run", "jupyterapp.shell.collapseLeft()"],
        ["run", "document.querySelector('.jp-Cell').scrollIntoView()"],
        ["screenshot", str(PICTURES / "notebook.png")],
        ["run", f"{trees}[1].scrollIntoView()"],
        ["screenshot", str(PICTURES / "notebook-diff.png")],
    ]
    try:
        job = {"url": f"{url}doc/tree/orders.ipynb", "server": url, "width": 900, "height": 560, "steps": steps}
        (done,) = browse([job])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    results = done["results"]
    said = " ".join(str(one) for one in results[4] or [])
    check("no error, no dialog, no request to elsewhere", not done["problems"], done["problems"])
    check("the cell's value is shown", "[20.5, 126.0, 9.99, None, 279.0]" in said, said[:500])
    check("its story stands under it", "could not convert string to float: 'two'" in said, said[:500])
    check("it opens and shuts by click", results[5] and results[7] is False, results[5:8])
    check("a diff tells where two runs part", "parse" in said and "'2,two'" in said, said[-500:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the picture into docs")
    options = parser.parse_args()
    install()
    try_notebook()
    if options.write:
        publish("notebook.png", "docs")
    if failures:
        raise SystemExit(f"{len(failures)} failed")


if __name__ == "__main__":
    main()
