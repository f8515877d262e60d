#!/usr/bin/env python3
"""Looks at certpool's page in Chromium, through chromedriver (W3C WebDriver, on loopback).

  browser.py visit URL…            follows every link from each URL on, and prints a line of JSON with the
                                   figures of the first page; fails with what is wrong with a page
  browser.py picture URL FILE WIDTH HEIGHT dark|light   writes a picture of the page's top

A page is wrong if it is not answered with 200, has a script, an alert, a word in the console, a request for
anything but itself, a table without a caption or heads, a section without a heading, an image without a name,
something to follow or to fill in that the keyboard does not reach, or if it is wider than a screen of 360 or of 1440
pixels.
"""
import base64, json, os, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request


class Browser:
    def __init__(self, dark=False, width=1440, height=1000):
        self.folder = tempfile.TemporaryDirectory(prefix="certpool-browser-")
        self.log = open(os.path.join(self.folder.name, "log"), "w+")
        # Port 0: it takes any free one, and says which.
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=self.log, stderr=self.log,
                                       env=dict(os.environ, HOME=self.folder.name))
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--no-first-run", "--disable-background-networking", "--disable-component-update",
                     "--disable-extensions", "--no-proxy-server", f"--window-size={width},{height}",
                     f"--user-data-dir={self.folder.name}/profile"]
        if dark:
            arguments += ["--blink-settings=preferredColorScheme=0"]
        else:
            arguments += ["--blink-settings=preferredColorScheme=1"]
        capabilities = {"browserName": "chrome", "goog:chromeOptions": {"args": arguments},
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        try:
            self.url = f"http://127.0.0.1:{self.port()}"
            session = self.begin({"capabilities": {"alwaysMatch": capabilities}})
        except BaseException:
            self.driver.terminate()
            raise
        self.session = "/session/" + session["sessionId"]

    def begin(self, capabilities):
        """On a busy machine Chromium may give up at its start: once more, then."""
        for last in (False, False, True):
            try:
                return self.ask("POST", "/session", capabilities)
            except RuntimeError:
                if last:
                    raise

    def port(self):
        """The driver says it in its first lines."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self.driver.poll() is None:
            self.log.seek(0)
            for line in self.log:
                if "started successfully on port" in line:
                    return int(line.split("port")[1].strip(" .\n"))
            time.sleep(0.05)
        self.log.seek(0)
        sys.exit("chromedriver does not start: " + self.log.read())

    def ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=300) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    def go(self, url):
        self.ask("POST", self.session + "/url", {"url": url})

    def run(self, script):
        return self.ask("POST", self.session + "/execute/sync", {"script": script, "args": []})

    def entries(self, kind):
        return self.ask("POST", self.session + "/se/log", {"type": kind})

    def command(self, name, **parameters):
        return self.ask("POST", self.session + "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def close(self):
        try:
            self.ask("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.log.close()
            self.folder.cleanup()


LOOK = """
const all = (selector) => Array.from(document.querySelectorAll(selector));
const wrong = [];
if (all('script').length) wrong.push('it has a script');
if (window.hostile) wrong.push('a script of a name ran');
if (all('[style]').length) wrong.push('a style attribute');
for (const each of all('*')) for (const a of each.attributes) if (a.name.startsWith('on')) wrong.push('a handler ' + a.name);
for (const table of all('table')) {
  if (!table.caption) wrong.push('a table without a caption');
  if (!table.tHead || !Array.from(table.tHead.rows[0].cells).every((c) => c.tagName === 'TH' && c.scope === 'col'))
    wrong.push('a table without heads of columns');
  if (!Array.from(table.tBodies[0].rows).every((r) => table.tHead.rows[0].cells.length === r.cells.length))
    wrong.push('a row that has not a cell for each column');
}
for (const section of all('section')) {
  const head = document.getElementById(section.getAttribute('aria-labelledby'));
  if (!head || !/^H[1-6]$/.test(head.tagName) || !section.contains(head)) wrong.push('a section without a heading');
}
for (const image of all('svg')) if (!image.hasAttribute('aria-label') && image.getAttribute('aria-hidden') !== 'true')
  wrong.push('an image without a name');
for (const each of all('a[href], input, button, summary')) if (each.tabIndex < 0) wrong.push('the keyboard does not reach ' + each.tagName);
for (const input of all('input')) if (!input.labels.length) wrong.push('an input without a label');
if (all('h1').length !== 1) wrong.push('not one heading of the first level');
const ids = all('[id]').map((e) => e.id);
if (new Set(ids).size !== ids.length) wrong.push('an id that is there twice');
for (const a of all('a[href^="#"]')) if (!document.getElementById(decodeURIComponent(a.getAttribute('href').slice(1))))
  wrong.push('a link to nothing: ' + a.getAttribute('href'));
return {wrong: Array.from(new Set(wrong)), title: document.title, links: all('a[href]').map((a) => a.href),
        figures: Object.fromEntries(all('data[id]').map((d) => [d.id.replace('n-', ''), Number(d.value)]))};
"""


def look(browser, url, base):
    """Goes to the page; returns what LOOK says, with what the logs say besides."""
    browser.go(url)
    page = browser.run(LOOK)
    for entry in browser.entries("browser"):
        page["wrong"].append("the console: " + entry["message"])
    for entry in browser.entries("performance"):
        message = json.loads(entry["message"])["message"]
        parameters = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            asked = parameters["request"]["url"]
            if not asked.startswith((base, "data:,")) and not parameters["documentURL"].startswith("chrome:"):
                page["wrong"].append("a request for " + asked)
        if message["method"] == "Network.responseReceived" and parameters["type"] == "Document":
            if parameters["response"]["status"] not in (200, 0):
                page["wrong"].append(f"status {parameters['response']['status']}")
    return page


def width_on(browser, screen):
    """How wide the page is on a screen of that width."""
    browser.command("Emulation.setDeviceMetricsOverride", width=screen, height=800, deviceScaleFactor=1, mobile=screen < 600)
    width = browser.run("return document.documentElement.scrollWidth")
    browser.command("Emulation.clearDeviceMetricsOverride")
    return width


def visit(urls):
    browser = Browser()
    seen, failed, figures = set(), False, None
    try:
        for start in urls:
            base = urllib.parse.urljoin(start, ".") if start.startswith("http") else start
            waiting = [start]
            while waiting:
                url = urllib.parse.urldefrag(waiting.pop(0)).url
                if url in seen:
                    continue
                seen.add(url)
                page = look(browser, url, base)
                for screen in (360, 1440):
                    width = width_on(browser, screen)
                    if width > screen:
                        page["wrong"].append(f"{width} pixels wide on a screen of {screen}")
                figures = page["figures"] if figures is None else figures
                for problem in page["wrong"]:
                    failed = True
                    print(f"{url}: {problem}", file=sys.stderr)
                waiting += [link for link in page["links"] if link.startswith(base)]
                for link in page["links"]:
                    if not link.startswith(base):
                        failed = True
                        print(f"{url}: a link to elsewhere: {link}", file=sys.stderr)
    finally:
        browser.close()
    print(json.dumps({"pages": len(seen), "figures": figures}))
    return 1 if failed else 0


def picture(url, file, width, height, theme):
    browser = Browser(theme == "dark")
    try:
        browser.command("Emulation.setDeviceMetricsOverride", width=int(width), height=int(height),
                        deviceScaleFactor=1, mobile=int(width) < 600)
        browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        browser.go(url)
        data = browser.command("Page.captureScreenshot", format="png")["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))
    finally:
        browser.close()
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["visit"]:
        sys.exit(visit(sys.argv[2:]))
    if sys.argv[1:2] == ["picture"] and len(sys.argv) == 7:
        sys.exit(picture(*sys.argv[2:]))
    sys.exit(__doc__)
