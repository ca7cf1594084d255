//go:build !race

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// rebuild puts other bytes in the place of a program in one step, as go build does.
func rebuild(t *testing.T, path string, program []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", program, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// edition is a built program with other bytes that does the same.
func edition(t *testing.T, program, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(programs, program))
	if err != nil {
		t.Fatal(err)
	}
	return append(raw, name...)
}

// startWatching starts connectord dev --watch on a copy of the Smartpay connector.
func startWatching(t *testing.T) (r *running, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "plugin-mine")
	rebuild(t, path, edition(t, "plugin-smartpay", ""))
	return startDev(t, t.TempDir(), "--plugin", path, "--watch"), path
}

// says waits until a pattern has been logged so many times.
func (r *running) says(t *testing.T, times int, pattern string) {
	t.Helper()
	re := regexp.MustCompile("(?m)" + pattern)
	eventually(t, storyPatience, "connectord says "+pattern, func() error {
		if n := len(re.FindAllString(r.log.String(), -1)); n != times {
			return fmt.Errorf("%d times, want %d, in\n%s", n, times, r.log)
		}
		return nil
	})
}

func (r *running) digest(t *testing.T) string {
	t.Helper()
	_, told := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
	digest, _ := told["digest"].(string)
	return digest
}

func TestRebuiltConnectorIsSwappedInUnderLoad(t *testing.T) {
	r, path := startWatching(t)
	trade := r.smartpayShops(4)
	before := r.digest(t)
	const rebuilds = 4
	for n := 1; n <= rebuilds; n++ {
		trade.more(t, 2)
		rebuild(t, path, edition(t, "plugin-smartpay", fmt.Sprint("edition", n)))
		r.says(t, n, `^connectord: swapped to smartpay \S+ \([0-9a-f]{12}\) in [0-9.]+m?s, `)
		now := r.digest(t)
		if now == before {
			t.Fatalf("after rebuild %d the same release serves", n)
		}
		before = now
	}
	trade.more(t, 2)
	trade.shut(t)
	// What serves, what is warm, and the sandbox; the rest has gone.
	eventually(t, storyPatience, "old processes end", func() error {
		if pids := children(t, r.cmd.Process.Pid); len(pids) > 3 {
			return fmt.Errorf("there are %d", len(pids))
		}
		return nil
	})
	_, listed := r.operate(t, http.MethodGet, "/v1/releases", nil)
	if all, _ := listed["items"].([]any); len(all) > 3 {
		t.Errorf("%d releases are installed, want the first, the warm and the last", len(all))
	}
}

// A build that dies once it serves is told about too, and the one before takes over.
func TestRebuildThatDiesIsTakenBack(t *testing.T) {
	r, path := startWatching(t)
	before := r.digest(t)
	rebuild(t, path, edition(t, "plugin-smartpay", "mortal"))
	r.says(t, 1, "^connectord: swapped to smartpay")
	_, pid := r.connector(t, "smartpay")
	proctest.Signal(t, pid, syscall.SIGKILL)
	r.says(t, 1, "^connectord: went back to smartpay .*was taken back: it ended by itself: killed by signal: killed$")
	if r.digest(t) != before {
		t.Error("the old build does not serve")
	}
	if err := r.whole(t.Context(), examplePayment(shop)); err != nil {
		t.Error(err)
	}
	rebuild(t, path, edition(t, "plugin-smartpay", "better"))
	r.says(t, 2, "^connectord: swapped to smartpay")
}

func TestBadRebuildLeavesTheOldConnectorServing(t *testing.T) {
	r, path := startWatching(t)
	before := r.digest(t)
	whole := edition(t, "plugin-smartpay", "good")
	for n, bad := range []struct {
		what    string
		program []byte
		says    string
	}{
		{"half written", whole[:len(whole)/2], "installing .*trial start"},
		{"a script", []byte("#!/bin/sh\nexit 3\n"), "give a compiled program"},
		{"another program", edition(t, "smartpay-sandbox", ""), "(exited|handshake): it "},
		{"another connector", edition(t, "plugin-reference", ""), "it is the connector reference now, not smartpay"},
		{"nothing at all", nil, "installing"},
	} {
		rebuild(t, path, bad.program)
		const refused = `^connectord: \S+plugin-mine was rebuilt and is not used, the old one goes on: .*$`
		r.says(t, n+1, refused)
		told := regexp.MustCompile("(?m)"+refused).FindAllString(r.log.String(), -1)[n]
		if !regexp.MustCompile(bad.says).MatchString(told) {
			t.Errorf("%s: says %q, want %s", bad.what, told, bad.says)
		}
		if now := r.digest(t); now != before {
			t.Errorf("%s: %s serves", bad.what, now)
		}
		if err := r.whole(t.Context(), examplePayment(shop)); err != nil {
			t.Errorf("%s: %v", bad.what, err)
		}
	}
	rebuild(t, path, whole)
	r.says(t, 1, "^connectord: swapped to smartpay")
	if r.digest(t) == before {
		t.Error("a good build after the bad ones does not serve")
	}
}

func TestUntouchedConnectorIsLeftAlone(t *testing.T) {
	r, path := startWatching(t)
	before, pid := r.connector(t, "smartpay")
	rebuild(t, path, edition(t, "plugin-smartpay", ""))
	r.says(t, 1, "was rebuilt to the same bytes, which serve already")
	if now, is := r.connector(t, "smartpay"); now != before || is != pid {
		t.Errorf("it is %s with process %d, was %s with %d", now, is, before, pid)
	}
	if strings.Contains(r.log.String(), "swapped") {
		t.Error("it was swapped")
	}
}

func TestDevRunsAnyConnector(t *testing.T) {
	r := startDev(t, t.TempDir(), "--plugin", filepath.Join(programs, "plugin-reference"))
	if state, _ := r.connector(t, "reference"); state != "serving" {
		t.Fatalf("it is %s", state)
	}
	eventually(t, storyPatience, "it says how to go on", func() error {
		for _, want := range []string{
			"reference serves", "reference-card, a payment service for card", "api_key          API key (required, secret)",
			"provider_url     Provider's address (optional)", `"payment_service_definition_id":"reference-wallet"`,
		} {
			if !strings.Contains(r.out.String(), want) {
				return fmt.Errorf("it does not say %q: %s", want, r.out)
			}
		}
		return nil
	})
	var listed map[string]any
	if err := r.call(t.Context(), http.MethodGet, "/payment-services", nil, &listed); err != nil {
		t.Fatal(err)
	}
	if services, _ := listed["items"].([]any); len(services) != 0 {
		t.Errorf("there are payment services that nobody asked for: %v", services)
	}
	// What it prints can be pasted, once the gaps are filled.
	body := regexp.MustCompile(`(?m)'(\{.*reference-card.*\})'$`).FindStringSubmatch(r.out.String())
	if body == nil {
		t.Fatalf("no request to paste in %s", r.out)
	}
	filled := []byte(strings.ReplaceAll(body[1], "…", "key_test_anyconnector"))
	if err := r.call(t.Context(), http.MethodPost, "/payment-services", filled, nil); err != nil {
		t.Fatal(err)
	}
	var paid map[string]any
	err := r.call(t.Context(), http.MethodPost, "/transactions", fields{
		"amount": 1000, "currency": "JPY", "country": "JP", "intent": "authorize",
		"payment_method": fields{"method": "card", "country": "JP", "currency": "JPY", "redirect_url": shop},
	}, &paid)
	if err != nil || paid["status"] != "authorization_succeeded" {
		t.Errorf("paying by card: %v %v", err, paid["status"])
	}
}
