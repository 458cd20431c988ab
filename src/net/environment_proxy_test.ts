import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { environmentProxy, proxyProblems, readProxy } from "./environment_proxy.ts";

const proxy = "http://proxy.example:3128";
const noProxy = "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, " +
  "192.168.1.3:80, 10.0.0.0/30, 2001:db8::52:0:1, [2001:db8::52:0:2]:443, " +
  "[2001:db8::52:0:3]:80, 2002:db8:a::45/64, Upper.Example";

// The cases of golang.org/x/net/http/httpproxy: host, whether it is reached through the proxy.
const hosts = [
  ["localhost", false],
  ["127.0.0.1", false],
  ["127.0.0.2", false],
  ["[::1]", false],
  ["[::2]", true],
  ["192.168.1.1", false],
  ["192.168.1.2", true],
  ["192.168.1.3", false],
  ["192.168.1.4", true],
  ["10.0.0.2", false],
  ["[2001:db8::52:0:1]", false],
  ["[2001:db8::52:0:2]", true],
  ["[2001:db8::52:0:3]", false],
  ["[2002:db8:a::123]", false],
  ["[fe80::424b:c8be:1643:a1b6]", true],
  ["barbaz.net", true],
  ["www.barbaz.net", false],
  ["foobar.com", false],
  ["www.foobar.com", false],
  ["foofoobar.com", true],
  ["baz.com", true],
  ["localhost.net", true],
  ["local.localhost", true],
  ["barbarbaz.net", true],
  ["wildcard.io", true],
  ["nested.wildcard.io", false],
  ["awildcard.io", true],
  ["upper.example", false],
] as const;

for (const [host, proxied] of hosts) {
  test(`environmentProxy() http://${host}: ${proxied ? "proxy" : "direct"}`, () => {
    const proxyFor = environmentProxy({ HTTP_PROXY: proxy, NO_PROXY: noProxy });
    assert.equal(proxyFor(`http://${host}/`), proxied ? proxy : null);
  });
}

// environment, URL, proxy
const choices = [
  [{ HTTPS_PROXY: proxy }, "https://sts.amazonaws.com", proxy],
  [{ HTTPS_PROXY: proxy }, "http://sts.amazonaws.com", null],
  [{ HTTP_PROXY: proxy }, "https://sts.amazonaws.com", null],
  [{ https_proxy: proxy }, "https://sts.amazonaws.com", proxy],
  [{ HTTPS_PROXY: "", https_proxy: proxy }, "https://a", proxy],
  [{ HTTPS_PROXY: proxy, https_proxy: "http://other" }, "https://a", proxy],
  [{ HTTPS_PROXY: "proxy.example:3128" }, "https://a", proxy],
  [{ HTTPS_PROXY: "socks5://proxy.example:1080" }, "https://a", "socks5://proxy.example:1080"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "*" }, "https://a", null],
  [{ HTTPS_PROXY: proxy, no_proxy: "a:443" }, "https://a", null],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "a:443" }, "https://a:6443", proxy],
  [{ HTTPS_PROXY: proxy, NO_PROXY: ":443,,10.0.0.0/99" }, "https://a", proxy],
  [{ HTTPS_PROXY: "ftp://proxy.example" }, "https://a", null],
  [{}, "https://a", null],
] as const;

for (const [env, url, expected] of choices) {
  test(`environmentProxy(${JSON.stringify(env)}) ${url}: ${expected}`, () => {
    assert.equal(environmentProxy(env)(url), expected);
  });
}

test("environmentProxy() any NO_PROXY whatever", () => {
  const entry = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.domain());
  fc.assert(fc.property(fc.array(entry), fc.webUrl(), (entries, url) => {
    const proxyFor = environmentProxy({ HTTPS_PROXY: proxy, NO_PROXY: entries.join(",") });
    assert.ok([proxy, null].includes(proxyFor(url)));
  }));
});

test("proxyProblems() names the variable, never its value", () => {
  const env = { HTTPS_PROXY: "ftp://user:tell-nobody@proxy", http_proxy: "http://" };
  const problems = proxyProblems(env);
  assert.deepEqual(problems.map((line) => line.split(":")[0]), ["HTTPS_PROXY", "http_proxy"]);
  assert.doesNotMatch(problems.join(), /tell-nobody/);
  assert.deepEqual(proxyProblems({ HTTPS_PROXY: proxy, HTTP_PROXY: "" }), []);
});

for (const text of ["", "http://", "ftp://a", "a b"]) {
  test(`readProxy(${JSON.stringify(text)}) is not a proxy`, () =>
    assert.equal(readProxy(text), null));
}
