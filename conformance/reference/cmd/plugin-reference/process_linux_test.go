package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// program is the path of the built program, as an operator would get it.
var program string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plugin-reference-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "plugin-reference")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", program, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func start(t *testing.T) *launch.Plugin {
	t.Helper()
	p, err := launch.Start(t.Context(), launch.Config{Path: program, RuntimeDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return p
}

func call(key, address string) sdk.Call {
	c := sdk.Call{
		OperationID: sdk.OperationID("op-" + key), Key: sdk.IdempotencyKey(key), Attempt: 1, Reference: "R1",
		Account: sdk.Account{
			ID: "ps-1", Revision: 1, Mode: sdk.ModeTest,
			Secrets: map[string]sdk.Secret{"api_key": sdk.NewSecret("key_test_process0")},
		},
	}
	if address != "" {
		c.Account.Config = map[string]string{"provider_url": address}
	}
	return c
}

func authorize(address string) sdk.AuthorizeRequest {
	return sdk.AuthorizeRequest{
		Call: call("k1", address), Amount: sdk.JPY(1000), Country: "JP", CaptureMode: sdk.CaptureManual, Method: "card",
	}
}

// die kills a connector's process and waits for its end.
func die(t *testing.T, p *launch.Plugin) {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("it is still there")
	}
}

// A provider outside is a witness to what a connector did before it died.
func TestPaymentsOutsideOutliveTheProcess(t *testing.T) {
	outside := provider.New(provider.Options{})
	server := httptest.NewServer(outside)
	defer server.Close()

	first := start(t)
	before, err := first.Authorize(t.Context(), authorize(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	die(t, first)
	second := start(t)
	again, err := second.Authorize(t.Context(), authorize(server.URL))
	if err != nil || again.Order != before.Order {
		t.Errorf("%+v, %v; was %s", again, err, before.Order)
	}
	_, err = second.Capture(t.Context(), sdk.CaptureRequest{
		Call: call("k2", server.URL), Order: before.Order, Amount: sdk.JPY(400), Final: true,
	})
	if err != nil {
		t.Error(err)
	}
	sum := outside.Ledger("", "R1").ByReference["R1"]
	if *sum != (provider.Tally{Requests: 3, Replays: 1, Movements: 3, Held: 1000, Taken: 400, Released: 600}) {
		t.Errorf("the witness says %+v", *sum)
	}
}

// One inside forgets, and says so with authority.
func TestPaymentsInsideDieWithTheProcess(t *testing.T) {
	first := start(t)
	if _, err := first.Authorize(t.Context(), authorize("")); err != nil {
		t.Fatal(err)
	}
	find := sdk.FindPaymentRequest{Call: call("", "")}
	if found, err := first.FindPayment(t.Context(), find); err != nil || !found.Found {
		t.Fatalf("%+v, %v", found, err)
	}
	die(t, first)
	if found, err := start(t).FindPayment(t.Context(), find); err != nil || found.Found || !found.Authoritative {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestByHandItSaysWhatItIs(t *testing.T) {
	out, err := exec.Command(program).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "reference") {
		t.Errorf("%v: %s", err, out)
	}
}
