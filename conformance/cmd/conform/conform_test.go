package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/conformance"
	"github.com/connectorhost/connectorhost/conformance/internal/report"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// What the suite's own users do to it: whatever is wrong, it never says that all is well.

// programs builds what the tests start, once.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "conform-test-")
	if err != nil {
		return "", err
	}
	for name, args := range map[string][]string{
		"plugin-reference":   {"../../reference/cmd/plugin-reference"},
		"reference-provider": {"../../reference/cmd/reference-provider"},
		"misfit-exits":       {"-ldflags=-X main.way=exits", "./testdata/misfit"},
		"misfit-hangs":       {"-ldflags=-X main.way=hangs", "./testdata/misfit"},
		"misfit-floods":      {"-ldflags=-X main.way=floods", "./testdata/misfit"},
		"misfit-nothing":     {"-ldflags=-X 'main.way=offers nothing'", "./testdata/misfit"},
		"misfit-least":       {"-ldflags=-X 'main.way=offers the least'", "./testdata/misfit"},
	} {
		out, err := exec.Command("go", append([]string{"build", "-o", filepath.Join(dir, name)}, args...)...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := programs(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

const fixtures = "../../reference/conformance.yaml"

// call runs conform and returns its exit status and what it printed.
func call(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(context.Background(), args, &out, &errs, false)
	return code, out.String(), errs.String()
}

// some are cases that take no time.
var some = []string{"--case", "manifest/*", "--case", "capability/*", "--case", "authorize/foreign-*"}

func TestWhatIsNoConnectorFails(t *testing.T) {
	for name, says := range map[string]string{
		"misfit-exits": "exit code 1", "misfit-hangs": "waiting for", "misfit-floods": "where the handshake should be",
		"misfit-nothing": "it wrote:",
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := call(t, append([]string{"run", "--plugin", program(t, name), "--fixtures", fixtures}, some...)...)
			if code != report.ExitFails || !strings.Contains(out, "FAIL process/start") || !strings.Contains(out, says) {
				t.Errorf("exit %d\n%s%s\nwant %d and %q", code, out, errs, report.ExitFails, says)
			}
		})
	}
}

// Who offers next to nothing is held to what every connector owes, and to nothing else.
func TestTheLeastIsHeldToTheCore(t *testing.T) {
	code, out, errs := call(t, "run", "--plugin", program(t, "misfit-least"), "--fixtures", fixtures, "--output", "json")
	var r conformance.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != report.ExitConforms {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, last(out), errs)
	}
	passed := 0
	for _, x := range r.Results {
		switch {
		case x.Verdict == suite.Pass && x.Profile == suite.Core:
			passed++
		case x.Verdict != suite.NotApplicable:
			t.Errorf("%s of %s: %s", x.ID, x.Profile, x.Verdict)
		}
	}
	if passed < 10 {
		t.Errorf("%d cases passed: the core was not run", passed)
	}
	for _, c := range r.Capabilities {
		if c.Holds() && c.Name != string(sdk.OpCheckCredentials) {
			t.Errorf("%s is said to hold", c.Name)
		}
	}
}

func TestWrongUseIsNeverGreen(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plugin := program(t, "plugin-reference")
	raw, err := os.ReadFile(fixtures)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	tests := map[string]struct {
		args []string
		exit int
		says string
	}{
		"no such flag":              {[]string{"run", "--pluggin", plugin}, report.ExitUsage, "--pluggin"},
		"no such command":           {[]string{"certifi"}, report.ExitUsage, "certifi"},
		"no such binary":            {[]string{"run", "--plugin", dir + "/none", "--fixtures", fixtures}, report.ExitUsage, "none"},
		"no such fixtures":          {[]string{"run", "--plugin", plugin, "--fixtures", dir + "/none"}, report.ExitUsage, "none"},
		"fixtures that are no YAML": {[]string{"run", "--plugin", plugin, "--fixtures", write("bad.yaml", "a: [")}, report.ExitUsage, "yaml"},
		"fixtures with a typo": {
			[]string{"run", "--plugin", plugin, "--fixtures", write("typo.yaml", text+"\nskip: [refund/sum]\n")}, report.ExitUsage, "skip",
		},
		"fixtures of another connector": {
			[]string{"run", "--plugin", plugin, "--fixtures", write("other.yaml", strings.Replace(text, "plugin: reference", "plugin: other", 1))},
			report.ExitUsage, `for "other"`,
		},
		"a case that there is not": {
			[]string{"run", "--plugin", plugin, "--fixtures", fixtures, "--case", "refund/none"}, report.ExitNothingRun, "refund/none",
		},
		"a pattern that is none":      {[]string{"run", "--plugin", plugin, "--fixtures", fixtures, "--case", "["}, report.ExitUsage, "pattern"},
		"a profile that there is not": {[]string{"run", "--plugin", plugin, "--fixtures", fixtures, "--profile", "cores"}, report.ExitUsage, "cores"},
		"a simulator that is not there": {
			[]string{"run", "--plugin", plugin, "--fixtures", write("sim.yaml", strings.Replace(text, "program: reference-provider", "program: no-such-simulator", 1))},
			report.ExitNoEnvironment, "neither in",
		},
		"a simulator that speaks something else": {
			[]string{"run", "--plugin", plugin, "--fixtures", write("mute.yaml", strings.Replace(text, "program: reference-provider", "program: misfit-exits", 1))},
			report.ExitNoEnvironment, "ended before it was ready",
		},
		"no such case to show":        {[]string{"show", "refund/none"}, report.ExitUsage, "refund/none"},
		"no such requirement":         {[]string{"explain", "PC-XX-999"}, report.ExitUsage, "PC-XX-999"},
		"a report that is none":       {[]string{"diff", fixtures, fixtures}, report.ExitUsage, "reading a report"},
		"a key that is none":          {[]string{"certify", "--plugin", plugin, "--fixtures", fixtures, "--key", fixtures, "--out", dir + "/c"}, report.ExitUsage, ""},
		"a certificate that is none":  {[]string{"verify", "--plugin", plugin, "--cert", fixtures, "--key", fixtures}, report.ExitUsage, ""},
		"a machine that lacks things": {[]string{"doctor", "--plugin", dir + "/none", "--fixtures", fixtures}, report.ExitNoEnvironment, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			code, out, errs := call(t, tt.args...)
			if code != tt.exit || !strings.Contains(out+errs, tt.says) {
				t.Errorf("exit %d\n%s%s\nwant %d and %q", code, out, errs, tt.exit, tt.says)
			}
		})
	}
}

func TestARunOfSomeCasesProvesLittleAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	args := append([]string{"run", "--plugin", program(t, "plugin-reference"), "--fixtures", fixtures, "--out", dir, "--seed", "7"}, some...)
	code, out, errs := call(t, args...)
	if code != report.ExitConforms || !strings.Contains(out, "proves nothing about the rest") || !strings.Contains(out, "seed 7") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	for _, name := range []string{"report.json", "report.schema.json", "report.html", "junit.xml", "badge.md", "results.ndjson"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	junit, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
	if err != nil || !bytes.Contains(junit, []byte("this run cannot be certified")) {
		t.Errorf("junit.xml does not say that the run cannot be certified (%v)", err)
	}
	code, out, _ = call(t, append(args, "--output", "json")...)
	var r conformance.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 || r.Run.Complete || r.Run.Seed != 7 {
		t.Errorf("exit %d, %v, complete %v, seed %d", code, err, r.Run.Complete, r.Run.Seed)
	}
}

// A simulator that dies takes the verdict with it: nobody is blamed, nothing is certified.
func TestASimulatorThatDiesIsNobodysFailure(t *testing.T) {
	dir := t.TempDir()
	dying := filepath.Join(dir, "dying-provider")
	script := fmt.Sprintf("#!/bin/sh\n'%s' \"$@\" & pid=$!\nsleep 0.7\nkill -9 $pid\nwait\nsleep 60 & wait\n", program(t, "reference-provider"))
	if err := os.WriteFile(dying, []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	raw, err := os.ReadFile(fixtures)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "dying.yaml")
	if err := os.WriteFile(path, bytes.Replace(raw, []byte("program: reference-provider"), []byte("program: "+dying), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	key, cert := filepath.Join(dir, "key"), filepath.Join(dir, "cert")
	if code, _, errs := call(t, "keygen", "--out", key); code != 0 {
		t.Fatal(errs)
	}
	code, out, errs := call(t, "certify", "--plugin", program(t, "plugin-reference"), "--fixtures", path, "--key", key, "--out", cert)
	if code != report.ExitInternal {
		t.Errorf("exit %d, want %d\n%s\n%s", code, report.ExitInternal, last(out), errs)
	}
	if _, err := os.Stat(cert); err == nil {
		t.Error("a certificate was written")
	}
}

func last(text string) string { return text[max(0, len(text)-2000):] }

// The whole way of an author: certify, verify; and of somebody who cheats.
func TestCertifiedIsWhatPassedAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	plugin := program(t, "plugin-reference")
	key, other, cert := filepath.Join(dir, "key"), filepath.Join(dir, "other"), filepath.Join(dir, "cert")
	for _, k := range []string{key, other} {
		if code, _, errs := call(t, "keygen", "--out", k); code != 0 {
			t.Fatal(errs)
		}
	}
	if code, _, _ := call(t, "keygen", "--out", key); code == 0 {
		t.Error("keygen overwrote a key")
	}
	code, out, errs := call(t, "certify", "--plugin", plugin, "--fixtures", fixtures, "--key", key, "--out", cert)
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, last(out), errs)
	}
	if code, out, errs := call(t, "verify", "--plugin", plugin, "--cert", cert, "--key", key+".pub"); code != 0 || !strings.Contains(out, "reference 0.1.0 is certified") {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
	judged(t, plugin, cert, key+".pub")
	flipped := filepath.Join(dir, "flipped")
	text, err := os.ReadFile(plugin)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(flipped, text, 0o700); err != nil { //nolint:gosec // a connector is to be run
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ plugin, key, says string }{
		"one byte flipped":  {flipped, key, "DIGEST_MISMATCH"},
		"another connector": {program(t, "misfit-nothing"), key, "DIGEST_MISMATCH"},
		"another's key":     {plugin, other, "UNKNOWN_KEY"},
	} {
		code, _, errs := call(t, "verify", "--plugin", tt.plugin, "--cert", cert, "--key", tt.key+".pub")
		if code != report.ExitRefused || !strings.Contains(errs, tt.says) {
			t.Errorf("%s: exit %d, %s, want %d with %s", name, code, errs, report.ExitRefused, tt.says)
		}
	}
}

// judged holds a certificate to what hosts may ask of it.
func judged(t *testing.T, plugin, cert, key string) {
	t.Helper()
	raw, err := certificate.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	public, err := certificate.ReadPublic(key)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := digestOf(plugin)
	if err != nil {
		t.Fatal(err)
	}
	itself, err := digestOf(cert)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		policy certificate.Policy
		later  time.Duration
		want   []certificate.Reason
	}{
		"what it is for":               {certificate.Policy{MaxAge: time.Hour, RequireProfiles: []string{"core@1", "refunds"}}, 0, nil},
		"too old":                      {certificate.Policy{MaxAge: time.Hour}, 2 * time.Hour, []certificate.Reason{certificate.Expired}},
		"a revoked program":            {certificate.Policy{Revoked: []string{binary}}, 0, []certificate.Reason{certificate.Revoked}},
		"a revoked certificate":        {certificate.Policy{Revoked: []string{itself}}, 0, []certificate.Reason{certificate.Revoked}},
		"another version of a profile": {certificate.Policy{RequireProfiles: []string{"core@2"}}, 0, []certificate.Reason{certificate.ProfileMissing}},
	} {
		tt.policy.Keys = []certificate.PublicKey{public}
		got := tt.policy.Judge(certificate.Subject{Binary: binary}, raw, time.Now().Add(tt.later))
		if got.Admitted != (tt.want == nil) || !slices.Equal(got.Reasons(), tt.want) {
			t.Errorf("%s: %v, want %v", name, got.Findings, tt.want)
		}
	}
}
