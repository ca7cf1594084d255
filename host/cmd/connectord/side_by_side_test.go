//go:build !race

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// A provider is a stand-in that a test started.
type provider struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
}

// startReferenceProvider starts the provider of the reference connector as a process.
func startReferenceProvider(t *testing.T) provider {
	t.Helper()
	file := filepath.Join(t.TempDir(), "provider.json")
	cmd := exec.Command(filepath.Join(programs, "reference-provider"), "--ready-file", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
			t.Errorf("ending the reference provider: %v", err)
		}
	})
	var p provider
	eventually(t, storyPatience, "the reference provider is ready", func() error {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &p)
	})
	return p
}

// egress lets connectors call it.
func (p provider) egress() string { return "--egress=" + strings.TrimPrefix(p.URL, "http://") }

// addReference installs the reference connector beside the one that runs, and makes a
// payment service for its wallet.
func (r *running) addReference(t *testing.T, at provider) {
	t.Helper()
	status, release := r.install(t, filepath.Join(programs, "plugin-reference"))
	if status != http.StatusOK {
		t.Fatalf("installing: %d %v", status, release)
	}
	digest, _ := release["digest"].(string)
	order := strings.NewReader(`{"release":"` + digest + `"}`)
	if status, answer := r.operate(t, http.MethodPost, "/v1/connectors/reference/activate", order); status >= 400 {
		t.Fatalf("activating: %d %v", status, answer)
	}
	err := r.call(t.Context(), http.MethodPost, "/payment-services", fields{
		"display_name": "Reference", "payment_service_definition_id": "reference-wallet",
		"accepted_currencies": []string{"EUR"}, "accepted_countries": []string{"DE"},
		"fields": pairs(map[string]string{"api_key": "key_test_sidebyside", "provider_url": at.URL}),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// walletPayment is a payment of 25.00 EUR through the reference connector.
func walletPayment() fields {
	return fields{
		"amount": 2500, "currency": "EUR", "country": "DE", "intent": "authorize",
		"payment_method": fields{"method": "wallet", "country": "DE", "currency": "EUR", "redirect_url": shop},
	}
}

// whole takes a payment through everything that a shop usually does with one.
func (r *running) whole(ctx context.Context, payment map[string]any) error {
	var made map[string]any
	if err := r.call(ctx, http.MethodPost, "/transactions", payment, &made); err != nil {
		return err
	}
	page, _ := at(made, "payment_method.approval_url").(string)
	if err := visit(ctx, page+"?auto=approve"); err != nil {
		return fmt.Errorf("approving: %w", err)
	}
	id, _ := made["id"].(string)
	for _, step := range []struct {
		path string
		body any
		want fields
	}{
		{"/sync", nil, fields{"status": "authorization_succeeded", "authorized_amount": 2500.0}},
		{"/capture", fields{"amount": 2000}, fields{"status": "capture_succeeded", "captured_amount": 2000.0}},
		{"/refunds", fields{"amount": 500}, fields{"status": "succeeded", "amount": 500.0}},
		{"/sync", nil, fields{"captured_amount": 2000.0, "refunded_amount": 500.0}},
	} {
		var answer map[string]any
		if err := r.call(ctx, http.MethodPost, "/transactions/"+id+step.path, step.body, &answer); err != nil {
			return err
		}
		for field, want := range step.want {
			if answer[field] != want {
				return fmt.Errorf("%s: %s is %v, want %v", step.path, field, answer[field], want)
			}
		}
	}
	return nil
}

// connector asks the operators' API about one connector.
func (r *running) connector(t *testing.T, name string) (state string, pid int) {
	t.Helper()
	_, told := r.operate(t, http.MethodGet, "/v1/connectors/"+name, nil)
	state, _ = told["state"].(string)
	number, _ := told["pid"].(float64)
	return state, int(number)
}

// shops pay with Smartpay, one payment after the other, until they are told to stop.
type shops struct {
	open   sync.WaitGroup
	closed atomic.Bool
	paid   atomic.Int64
	failed chan error
}

// smartpayShops opens so many shops.
func (r *running) smartpayShops(n int) *shops {
	s := &shops{failed: make(chan error, n)}
	for range n {
		s.open.Go(func() {
			for !s.closed.Load() {
				if err := r.whole(context.Background(), examplePayment(shop)); err != nil {
					s.failed <- err
					return
				}
				s.paid.Add(1)
			}
		})
	}
	return s
}

// more waits until some more payments were made from start to end.
func (s *shops) more(t *testing.T, n int64) {
	t.Helper()
	goal := s.paid.Load() + n
	eventually(t, storyPatience, "Smartpay takes more payments", func() error {
		if paid := s.paid.Load(); paid < goal && len(s.failed) == 0 {
			return fmt.Errorf("%d, want %d", paid, goal)
		}
		return nil
	})
}

// shut closes the shops and reports what failed in them.
func (s *shops) shut(t *testing.T) {
	t.Helper()
	s.closed.Store(true)
	s.open.Wait()
	close(s.failed)
	for err := range s.failed {
		t.Errorf("a Smartpay payment failed: %v", err)
	}
}

func TestTwoConnectorsSideBySide(t *testing.T) {
	outside := startReferenceProvider(t)
	r := startDev(t, t.TempDir(), outside.egress())
	r.addReference(t, outside)
	for name, payment := range map[string]map[string]any{"smartpay": examplePayment(shop), "reference": walletPayment()} {
		if err := r.whole(t.Context(), payment); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if state, pid := r.connector(t, name); state != "serving" || !proctest.Runs(pid) {
			t.Errorf("%s is %s with process %d", name, state, pid)
		}
	}
}

// Each connector has so many places, of which few shops leave most free, and nowhere to
// wait for one: a call that finds none is refused, and the shop's payment fails.
const places = 16

func startDevWithoutQueues(t *testing.T) *running {
	t.Helper()
	outside := startReferenceProvider(t)
	r := startDev(t, t.TempDir(), outside.egress(),
		fmt.Sprintf("--connector-concurrency=%d", places), "--connector-queue=-1", "--call-timeout=10s")
	r.addReference(t, outside)
	return r
}

// A connector that dies again and again is its own trouble.
func TestCrashingNeighbourIsNotNoticed(t *testing.T) {
	r := startDevWithoutQueues(t)
	trade := r.smartpayShops(2)
	_, smartpay := r.connector(t, "smartpay")

	killed := map[int]bool{}
	eventually(t, 2*storyPatience, "the reference connector is quarantined", func() error {
		state, pid := r.connector(t, "reference")
		if state == "quarantined" {
			return nil
		}
		if state == "serving" && pid != 0 && !killed[pid] { // it has none between its end and the news of it
			trade.more(t, 1)
			proctest.Signal(t, pid, syscall.SIGKILL)
			killed[pid] = true
		}
		return fmt.Errorf("it is %s after %d kills", state, len(killed))
	})
	if len(killed) < 2 {
		t.Errorf("it was killed %d times before it was quarantined", len(killed))
	}
	if err := r.whole(t.Context(), walletPayment()); err == nil {
		t.Error("a quarantined connector took a payment")
	}
	trade.more(t, 4)
	if status, answer := r.operate(t, http.MethodPost, "/v1/connectors/reference/end-quarantine", nil); status >= 400 {
		t.Fatalf("ending the quarantine: %d %v", status, answer)
	}
	trade.more(t, 4)
	trade.shut(t)
	if err := r.whole(t.Context(), walletPayment()); err != nil {
		t.Errorf("the reference connector after its quarantine: %v", err)
	}
	if state, pid := r.connector(t, "smartpay"); state != "serving" || pid != smartpay {
		t.Errorf("smartpay is %s with process %d, was %d", state, pid, smartpay)
	}
}

// A connector that holds every call that it may have holds none of another connector.
func TestStoppedNeighbourHoldsNobodysPlace(t *testing.T) {
	r := startDevWithoutQueues(t)
	_, pid := r.connector(t, "reference")
	proctest.Signal(t, pid, syscall.SIGSTOP)
	var held sync.WaitGroup
	for range places {
		held.Go(func() {
			// What becomes of it depends on who notices the stop first.
			_, _, _ = r.do(context.Background(), http.MethodPost, "/transactions", walletPayment(), nil)
		})
	}
	full := func() error {
		_, told := r.operate(t, http.MethodGet, "/v1/connectors/reference", nil)
		if told["in_flight"] != float64(places) {
			return fmt.Errorf("%v calls are in flight", told["in_flight"])
		}
		return nil
	}
	eventually(t, storyPatience, "the stopped connector holds all the calls that it may", full)
	trade := r.smartpayShops(2)
	trade.more(t, 4)
	if err := full(); err != nil {
		t.Errorf("the stopped connector let go before Smartpay had taken its payments: %v", err)
	}
	trade.shut(t)
	proctest.Signal(t, pid, syscall.SIGKILL)
	held.Wait()
}
