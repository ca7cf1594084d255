package sandbox

import (
	"bytes"
	"context"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The provider's own clients, as published. The Python package is not the
// newest: from 0.6.1 on, what is published lacks the module with the client in
// it and cannot be imported. 0.6.0 is the last that can, and has no webhooks.
const (
	nodeClient   = "@smartpay/sdk-node@0.9.1"
	pythonClient = "smartpay==0.6.0"
)

// unavailable ends a test for want of a program or of the network. Where it
// must not be left out, that is a failure.
func unavailable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// tool finds a program.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		unavailable(t, "%s is not installed", name)
	}
	return path
}

// command runs a program for at most five minutes and gives what it wrote.
func command(t *testing.T, dir string, env []string, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, append(os.Environ(), env...), 5*time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// worlds are the ways to reach a sandbox: plain, and with TLS.
func worlds(t *testing.T, drive func(t *testing.T, env []string)) {
	for _, name := range []string{"HTTP", "HTTPS"} {
		t.Run(name, func(t *testing.T) {
			s := New(Config{})
			listener := httptest.NewUnstartedServer(s)
			env := []string{"KEY=" + testKey}
			if name == "HTTPS" {
				listener.StartTLS()
				ca := filepath.Join(t.TempDir(), "ca.crt")
				text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listener.Certificate().Raw})
				if err := os.WriteFile(ca, text, 0o600); err != nil {
					t.Fatal(err)
				}
				env = append(env, "NODE_EXTRA_CA_CERTS="+ca, "REQUESTS_CA_BUNDLE="+ca)
			} else {
				listener.Start()
			}
			defer func() {
				listener.Close()
				if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			}()
			drive(t, append(env, "ROOT="+listener.URL, "BASE="+listener.URL+"/api.smartpay/v1"))
		})
	}
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "clients", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNodeClient has Smartpay's client for Node drive the sandbox.
func TestNodeClient(t *testing.T) {
	node, npm, dir := tool(t, "node"), tool(t, "npm"), t.TempDir()
	if out, err := command(t, dir, nil, npm, "install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund",
		"--no-save", nodeClient); err != nil {
		unavailable(t, "cannot install %s: %v\n%s", nodeClient, err, out)
	}
	text, err := os.ReadFile(program(t, "drive.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "drive.mjs") // beside node_modules, where it looks for the client
	if err := os.WriteFile(script, text, 0o600); err != nil {
		t.Fatal(err)
	}
	worlds(t, func(t *testing.T, env []string) {
		out, err := command(t, dir, env, node, script)
		if err != nil || !strings.Contains(out, "drove ") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// TestPythonClient has Smartpay's client for Python drive the sandbox.
func TestPythonClient(t *testing.T) {
	python, dir := tool(t, "python3"), t.TempDir()
	if out, err := command(t, dir, nil, python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile",
		"--target", dir, pythonClient); err != nil {
		unavailable(t, "cannot install %s: %v\n%s", pythonClient, err, out)
	}
	worlds(t, func(t *testing.T, env []string) {
		out, err := command(t, dir, append(env, "PYTHONPATH="+dir), python, program(t, "drive.py"))
		if err != nil || !strings.Contains(out, "drove ") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
