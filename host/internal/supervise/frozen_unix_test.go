//go:build unix

package supervise_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/proctest"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// viceFreezes is a connector that stands still once it has shaken hands.
const viceFreezes = "freezes when it is asked how it is"

// A process that stands still with a call on it does not hold the swap that replaces
// it: the call is cut at the drain's bound, and the process is gone.
func TestFrozenProcessIsSwappedAway(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *supervise.Config) { c.DrainTimeout, c.HealthEvery = 100*time.Millisecond, patience })
	old, next := h.install("1.0.0"), h.install("1.1.0")
	h.activate(old)
	pid := h.Status().PID
	proctest.Signal(t, pid, syscall.SIGSTOP)
	hung := make(chan error, 1)
	go func() { hung <- h.call() }()
	await(t, "the call to be on its way", func() bool { return h.Status().InFlight == 1 })

	report, err := h.Swap(t.Context(), next, supervise.SwapOptions{})
	if err != nil || report.Left != 1 {
		t.Errorf("Swap = %+v, %v, want one call left", report, err)
	}
	if err := h.call(); err != nil {
		t.Errorf("a call after the swap: %v", err)
	}
	if e := h.diary.await(t, 1, supervise.Stopped); e.InFlight != 1 {
		t.Errorf("event = %+v, want the call that was cut", e)
	}
	await(t, "the frozen process to be gone", func() bool { return gone(pid) })
	if err := <-hung; err == nil || sdk.AsError(err).Outcome() != sdk.OutcomeUnknown {
		t.Errorf("the call that was cut = %v, want it in doubt", err)
	}
}

// A candidate that stands still is unhealthy, and gone; what serves never notices.
func TestFrozenCandidateIsRefused(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *supervise.Config) { c.HealthTimeout, c.ReadyTimeout = 300*time.Millisecond, time.Second })
	old, next := h.install("1.0.0"), h.install("1.1.0")
	h.activate(old)
	pid := h.Status().PID
	h.vice.Store(viceFreezes)
	_, err := h.Swap(t.Context(), next, supervise.SwapOptions{})
	if supervise.FaultOf(err) != supervise.FaultUnhealthy {
		t.Errorf("Swap = %v (%s), want it unhealthy", err, supervise.FaultOf(err))
	}
	e := h.diary.await(t, 2, supervise.Crashed)
	await(t, "the frozen candidate to be gone", func() bool { return gone(e.PID) })
	if err := h.call(); err != nil || h.Status().PID != pid {
		t.Errorf("a call: %v on process %d, want %d", err, h.Status().PID, pid)
	}
}

// A process that freezes while it is tried or kept warm is of no use and is ended.
func TestFrozenProcessIsNotKept(t *testing.T) {
	t.Parallel()
	h := newHost(t, func(c *supervise.Config) {
		c.HealthEvery, c.HealthTimeout, c.HealthMisses = 50*time.Millisecond, 500*time.Millisecond, 2
		c.Bake, c.DrainTimeout = patience, time.Second
	})
	old, next := h.install("1.0.0"), h.install("1.1.0")
	h.activate(old)
	pid := h.Status().PID

	ended := make(chan error, 1)
	go func() {
		_, err := h.Swap(context.Background(), next, supervise.SwapOptions{Trial: &supervise.Trial{Percent: 1, For: patience}})
		ended <- err
	}()
	canary := h.diary.await(t, 2, supervise.Canary).PID
	proctest.Signal(t, canary, syscall.SIGSTOP)
	if err := <-ended; !errors.Is(err, supervise.ErrWorse) {
		t.Errorf("Swap = %v, want ErrWorse", err)
	}
	await(t, "the frozen canary to be gone", func() bool { return gone(canary) })

	if _, err := h.Swap(t.Context(), next, supervise.SwapOptions{}); err != nil {
		t.Fatal(err)
	}
	proctest.Signal(t, pid, syscall.SIGSTOP)
	h.diary.await(t, 1, supervise.Stopped)
	await(t, "the frozen warm process to be gone", func() bool { return gone(pid) })
	if _, err := h.Rollback(t.Context()); !errors.Is(err, supervise.ErrNotWarm) {
		t.Errorf("Rollback = %v, want ErrNotWarm", err)
	}
	if err := h.call(); err != nil {
		t.Errorf("a call: %v", err)
	}
}
