package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// On a full disk new work is refused, what was taken is there and can be read, and when
// there is space again it all goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	proctest.SmallDisk(t, dir, 4)
	s := openAt(t, dir, time.Now)
	ballast := filepath.Join(dir, "ballast")
	for round := range 3 {
		if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		var kept []*Record
		var refused error
		for refused == nil {
			rec := newPayment()
			if refused = s.Create(t.Context(), rec, nil); refused == nil {
				kept = append(kept, rec)
			} else if _, err := s.Payment(t.Context(), rec.Payment.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("what was refused: %v", err)
			}
			if len(kept) > 20000 {
				t.Fatal("the disk does not get full")
			}
		}
		if !errors.Is(refused, ErrUnavailable) {
			t.Errorf("round %d: refused with %v, want ErrUnavailable", round, refused)
		}
		for range 3 {
			if err := s.Ping(t.Context()); err != nil && !errors.Is(err, ErrUnavailable) {
				t.Errorf("round %d: ping: %v", round, err)
			}
		}
		for _, rec := range kept {
			same(t, "a payment on a full disk", read(t, s, rec.Payment.ID), *rec)
		}
		if _, err := s.List(t.Context(), Filter{Limit: 10}); err != nil {
			t.Errorf("round %d: list: %v", round, err)
		}
		t.Logf("round %d: %d payments, then %v", round, len(kept), refused)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Fatalf("round %d: with space again: %v", round, err)
		}
		rec := create(t, s, newPayment())
		update(t, s, rec.Payment.ID, func(r *Record) { r.ExternalID = "after" })
	}
}
