//go:build !race

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// described is what the Smartpay connector says of itself, asked once.
var described = sync.OnceValues(func() (sdk.Description, error) {
	path := filepath.Join(programs, "plugin-smartpay")
	digest, err := fileDigest(path)
	if err != nil {
		return sdk.Description{}, err
	}
	plugin, err := launch.Start(context.Background(), launch.Config{Path: path, SHA256: digest})
	if err != nil {
		return sdk.Description{}, err
	}
	return plugin.Description(), plugin.Stop(context.Background())
})

func fileDigest(path string) (string, error) {
	text, err := os.ReadFile(path)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// certify signs with the key in a file that a Smartpay connector passed, but for what is
// changed, and writes the certificate to out.
func certify(out, binary, keyFile string, change func(*certificate.Claims)) error {
	d, errDescribed := described()
	digest, errDigest := fileDigest(binary)
	manifest, errManifest := certificate.ManifestDigest(d.Manifest)
	key, errKey := certificate.ReadPrivate(keyFile)
	if err := errors.Join(errDescribed, errDigest, errManifest, errKey); err != nil {
		return err
	}
	claims := certificate.Claims{
		Connector: d.Manifest.Name, Version: d.Manifest.Version, Binary: digest, OS: runtime.GOOS, Arch: runtime.GOARCH,
		Suite:    certificate.Suite{Name: "conform", Version: "1.0.0"},
		Profiles: []certificate.Profile{{Name: "core", Version: 1, Digest: digest}},
		Fixtures: digest, Report: digest, Evidence: certificate.Simulated, TestedAt: time.Now(),
		Manifest: manifest, Declared: d.Operations, Operations: d.Operations,
		Features: certificate.Features(d.Manifest.Features), Tests: certificate.Tests{Passed: []string{"core/describe"}},
	}
	change(&claims)
	raw, err := certificate.Sign(claims, key)
	if err != nil {
		return err
	}
	return os.WriteFile(out, raw, 0o600)
}

// lies are the ways in which a story's certificate may be wrong.
var lies = map[string]func(*certificate.Claims){
	"well":             func(*certificate.Claims) {},
	"long-ago":         func(c *certificate.Claims) { c.TestedAt = c.TestedAt.Add(-100 * time.Hour) },
	"old-suite":        func(c *certificate.Claims) { c.Suite.Version = "0.1.0" },
	"other-profile":    func(c *certificate.Claims) { c.Profiles[0].Name = "redirect" },
	"other-manifest":   func(c *certificate.Claims) { c.Manifest = strings.Repeat("0", 64) },
	"without-refunds":  withoutRefunds,
	"never-told-of-it": func(c *certificate.Claims) { withoutRefunds(c); c.Declared = c.Operations },
}

func withoutRefunds(c *certificate.Claims) {
	c.Operations = slices.DeleteFunc(slices.Clone(c.Operations), func(op sdk.Operation) bool { return op == sdk.OpRefund })
}

// makeKey makes a key pair: "key NAME" writes NAME and NAME.pub.
func makeKey(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 1, "key NAME")
	key, err := certificate.GenerateKey()
	ts.Check(err)
	ts.Check(certificate.WriteKeyPair(ts.MkAbs(args[0]), key))
}

// makeCertificate certifies a program: "certify OUT PROGRAM KEY HOW".
func makeCertificate(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 4, "certify OUT PROGRAM KEY HOW")
	lie, ok := lies[args[3]]
	if !ok {
		ts.Fatalf("nobody certifies %s", args[3])
	}
	ts.Check(certify(ts.MkAbs(args[0]), ts.MkAbs(args[1]), ts.MkAbs(args[2]), lie))
}

// digestInto sets a variable to a file's SHA-256: "digest NAME FILE".
func digestInto(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 2, "digest NAME FILE")
	digest, err := fileDigest(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv(args[0], digest)
}

// flip changes one bit of a file: "flip FILE".
func flip(ts *testscript.TestScript, _ bool, args []string) {
	want(ts, args, 1, "flip FILE")
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	text[len(text)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o700))
}

// What was not certified is not asked for, and not promised: neither by the merchants'
// API nor by the definitions, and the provider hears nothing of it.
func TestNobodyAsksForWhatIsNotCertified(t *testing.T) {
	dir := t.TempDir()
	plugin, key := filepath.Join(dir, "plugin-smartpay"), filepath.Join(dir, "key")
	program, err := os.ReadFile(filepath.Join(programs, "plugin-smartpay"))
	if err != nil {
		t.Fatal(err)
	}
	signer, errKey := certificate.GenerateKey()
	if err := errors.Join(errKey, os.WriteFile(plugin, program, 0o700), certificate.WriteKeyPair(key, signer)); err != nil {
		t.Fatal(err)
	}
	if err := certify(plugin+".cert", plugin, key, withoutRefunds); err != nil {
		t.Fatal(err)
	}
	r := startDev(t, t.TempDir(), "--plugin", plugin, "--certification", "enforce", "--certification-key", key+".pub")
	var definitions map[string]any
	if err := r.call(t.Context(), http.MethodGet, "/payment-service-definitions", nil, &definitions); err != nil {
		t.Fatal(err)
	}
	for feature, want := range map[string]bool{"refunds": false, "partial_refunds": false, "partial_capture": true, "void": true} {
		if got := at(definitions, "items.0.supported_features."+feature); got != want {
			t.Errorf("%s is promised: %v, want %t", feature, got, want)
		}
	}
	id := r.approved(t)
	if err := r.call(t.Context(), http.MethodPost, "/transactions/"+id+"/capture", fields{"amount": 2000}, nil); err != nil {
		t.Fatal(err)
	}
	heard := r.heard(t)
	status, raw, err := r.do(t.Context(), http.MethodPost, "/transactions/"+id+"/refunds", fields{"amount": 500}, nil)
	if err != nil || status != http.StatusBadRequest {
		t.Errorf("a refund is answered with %d %s (%v)", status, raw, err)
	}
	if now := r.heard(t); now != heard {
		t.Errorf("the provider was called %d times", now-heard)
	}
	if !strings.Contains(r.out.String(), "certified for core@1 by key (key ") {
		t.Errorf("connectord dev does not show how the connector stands:\n%s", r.out)
	}
}

// A certificate beside a rebuilt binary is another binary's: that is told, and serves.
func TestDevServesWhatIsNotCertified(t *testing.T) {
	r := startDev(t, t.TempDir())
	r.approved(t)
	if want := "serves although it is not certified: NO_CERT"; !strings.Contains(r.out.String(), want) {
		t.Errorf("connectord dev does not say %q:\n%s", want, r.out)
	}
}

func TestCertificationSettingsAreRead(t *testing.T) {
	dir := t.TempDir()
	nokey := filepath.Join(dir, "nokey")
	if err := os.WriteFile(nokey, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		flags []string
		code  int
		says  string
	}{
		"no mode":     {[]string{"--certification", "strict"}, exitUsage, "strict"},
		"no file":     {[]string{"--certification-key", filepath.Join(dir, "none")}, exitUsage, "none"},
		"no key":      {[]string{"--certification-key", nokey}, exitFailed, "certification-key: public key " + nokey + ": has no PEM block"},
		"no version":  {[]string{"--certification-min-suite", "one"}, exitFailed, "certification-min-suite is \"one\""},
		"no profile":  {[]string{"--certification-profile", "core@latest"}, exitFailed, "core@latest"},
		"no digest":   {[]string{"--certification-revoked", "abc"}, exitFailed, "certification-revoked is \"abc\""},
		"no age":      {[]string{"--certification-max-age=-1s"}, exitFailed, "certification-max-age is -1s"},
		"no evidence": {[]string{"--certification-evidence", "hearsay"}, exitUsage, "hearsay"},
		"no operation": {[]string{"--allow", "authorize,refunds"}, exitFailed,
			"allow: there is no operation \"refunds\""},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs journal
			code := run(t.Context(), append([]string{"serve", "--data-dir", filepath.Join(dir, "never-made")}, tt.flags...), &out, &errs)
			if code != tt.code || !strings.Contains(errs.String(), tt.says) {
				t.Errorf("exit %d, %s; want %d and %q", code, &errs, tt.code, tt.says)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "never-made")); err == nil {
		t.Error("something was made although the settings are wrong")
	}
}

// heard is how often something was asked of the provider.
func (r *running) heard(t *testing.T) int {
	t.Helper()
	n, err := (&player{ctx: t.Context(), dev: &dev{sandboxURL: r.SandboxURL}}).providerCalls()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
