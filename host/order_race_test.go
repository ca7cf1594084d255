//go:build unix

package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// One order, sent by many at once and again later, is one swap with one answer; the same
// name for another order is refused, whenever it comes.
func TestAnOrderIsCarriedOutOnceForAll(t *testing.T) {
	r := start(t, t.TempDir(), program(t, "first"))
	second, err := r.Install(t.Context(), program(t, "second"), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := r.Connectors()[0].Generation
	asked := admin.SwapOrder{Release: second.Digest, RequestID: "monday"}
	other := admin.SwapOrder{Release: second.Digest, RequestID: "monday", AllowLoss: true}
	reports := make([]supervise.SwapReport, 8)
	var wg sync.WaitGroup
	for i := range reports {
		wg.Go(func() {
			var err error
			if reports[i], err = r.Swap(context.Background(), "acme-pay", asked); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wg.Go(func() {
		if _, err := r.Swap(context.Background(), "acme-pay", other); !errors.Is(err, admin.ErrOtherOrder) {
			t.Errorf("the name for another order = %v, want ErrOtherOrder", err)
		}
	})
	wg.Wait()
	again, err := r.Swap(t.Context(), "acme-pay", asked)
	if err != nil || again.Unchanged || again.To.Generation != before+1 {
		t.Errorf("the answer = %+v, %v, want the one swap to generation %d", again, err, before+1)
	}
	for _, report := range reports {
		if diff := cmp.Diff(again, report); diff != "" {
			t.Errorf("answers differ (-later +at once):\n%s", diff)
		}
	}
	if now := r.Connectors()[0].Generation; now != before+1 {
		t.Errorf("generation %d serves, want %d: one swap", now, before+1)
	}
}

// Swaps, activations, rollbacks and restarts at once are carried out one after the
// other: each ends with an answer, each replaced what the one before had left, and what
// serves in the end is what the last one said.
func TestOrdersAtOnceAreCarriedOutOneByOne(t *testing.T) {
	r := start(t, t.TempDir(), program(t, "first"))
	first := r.Releases()[0].Digest
	second, err := r.Install(t.Context(), program(t, "second"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	from := map[uint64]uint64{} // by the generation that it replaced: what did
	note := func(what string, report supervise.SwapReport, err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			t.Errorf("%s: %v", what, err)
		case report.Unchanged:
		case from[report.From.Generation] != 0:
			t.Errorf("%s replaced generation %d, which %d had replaced", what, report.From.Generation, from[report.From.Generation])
		default:
			from[report.From.Generation] = report.To.Generation
		}
	}
	var wg sync.WaitGroup
	for i := range 3 {
		for _, digest := range []string{first, second.Digest} {
			wg.Go(func() {
				report, err := r.Swap(context.Background(), "acme-pay", admin.SwapOrder{
					Release: digest, RequestID: fmt.Sprintf("%d-%.4s", i, digest),
				})
				note("a swap", report, err)
			})
		}
		wg.Go(func() {
			report, err := r.Restart(context.Background(), "acme-pay")
			note("a restart", report, err)
		})
		wg.Go(func() {
			if err := r.Activate(context.Background(), "acme-pay", first); !errors.Is(err, supervise.ErrActive) {
				t.Errorf("an activation = %v, want ErrActive", err)
			}
		})
	}
	wg.Wait()
	generation := uint64(1)
	for range from {
		generation = from[generation]
	}
	if now := r.Connectors(); len(now) != 1 || now[0].Generation != generation || now[0].State != supervise.Serving {
		t.Errorf("connectors are %+v, want the end of the chain, generation %d", now, generation)
	}
}

// A refusal, too, is one answer with one word, at once and later. Mutation: an order that
// keeps no code answers "answered_before", which tells a program nothing.
func TestARefusedOrderKeepsItsWord(t *testing.T) {
	r := start(t, t.TempDir(), program(t, "first"))
	second, err := r.Install(t.Context(), program(t, "second"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(second.Path, second.Path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second.Path, []byte("#!/bin/sh"), 0o500); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		body, code string
		status     int
	}{
		"a damaged release": {`{"release":"` + second.Digest + `","request_id":"a"}`, "damaged", http.StatusConflict},
		"an unknown one":    {`{"release":"9.9.9","request_id":"b"}`, "not_installed", http.StatusNotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r.t = t
			for _, when := range []string{"at once", "later"} {
				if answer := r.want(tt.status, "POST", path("/swap"), tt.body); answer["code"] != tt.code {
					t.Errorf("%s: %v, want code %s", when, answer, tt.code)
				}
			}
		})
	}
	r.t = t
}
