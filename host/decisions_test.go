package host

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

func testStore(t *testing.T) *store.Store {
	t.Helper()
	dir := t.TempDir()
	key, err := store.LoadOrCreateMasterKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A peer is what one of several hosts knows of what was decided.
type peer struct {
	*decisions
	t *testing.T
}

// peers are hosts on one store.
func peers(t *testing.T) (a, b peer) {
	s := testStore(t)
	return peer{newDecisions(s, "a", false), t}, peer{newDecisions(s, "b", false), t}
}

// command begins a command that says that a release is to serve, which gives the
// function that carries it out.
func (p peer) command(digest string) func() error {
	p.t.Helper()
	made, err := p.begin(p.t.Context(), "acme", digest)
	if err != nil {
		p.t.Fatal(err)
	}
	return func() error {
		defer p.close(made)
		return p.serves(digest, "")
	}
}

// serves records that a release serves.
func (p peer) serves(digest, undoes string) error {
	e := serving(1, digest, undoes)
	e.Connector, e.At = "acme", time.Now()
	return p.Record(p.t.Context(), e)
}

// want fails the test unless that is what is to serve.
func (p peer) want(digest string, revision int64) {
	p.t.Helper()
	all, err := p.read(p.t.Context())
	if is := all["acme"]; err != nil || is.Digest != digest || is.Revision != revision {
		p.t.Errorf("host %s: %q, revision %d, is to serve (%v), want %q, %d", p.host, is.Digest, is.Revision, err, digest, revision)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Mutation: a decision that is not bound to the revision that it was based on lets the
// second host win over the first, behind its operator's back.
func TestOfTwoCommandsToTwoHostsOneWins(t *testing.T) {
	a, b := peers(t)
	must(t, a.command("v1")())
	second, third := a.command("v2"), b.command("v3")
	must(t, second())
	if err := third(); !errors.Is(err, store.ErrConflict) {
		t.Errorf("error = %v for the command that came second, want ErrConflict", err)
	}
	a.want("v2", 2)
	b.want("v2", 2)
	entries, err := a.store.Journal(t.Context(), "acme", 10)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d steps are in the journal, want those of the two that were carried out: %v", len(entries), err)
	}
	must(t, b.command("v3")()) // knowing what is there, it may
	a.want("v3", 3)
}

// Commands to one host come one after the other, as if there were no other host.
func TestCommandsToOneHostAreAllCarriedOut(t *testing.T) {
	a, _ := peers(t)
	first, second := a.command("v1"), a.command("v2")
	must(t, first())
	must(t, second())
	a.want("v2", 2)
}

func TestWhatIsStartedAgainDecidesNothing(t *testing.T) {
	a, b := peers(t)
	must(t, a.command("v1")())
	must(t, b.serves("v1", "")) // it follows
	must(t, a.command("v2")())
	must(t, b.serves("v1", "")) // it has crashed, and does not know yet
	must(t, a.serves("v2", ""))
	b.want("v2", 2)
}

// A host that takes a release back takes it back for all, once: Mutation: a host that
// takes back what it does not see to be decided would undo the next decision too.
func TestWhatOneHostTakesBackIsTakenBackForAllOnce(t *testing.T) {
	a, b := peers(t)
	must(t, a.command("v1")())
	must(t, a.command("v2")())
	b.want("v2", 2)
	must(t, b.serves("v1", "v2"))
	a.want("v1", 3)
	must(t, a.serves("v1", "v2")) // it has found the same, too late
	a.want("v1", 3)

	must(t, a.command("v2")())
	b.want("v2", 4)
	must(t, a.command("v3")())
	must(t, b.serves("v1", "v2")) // it does not know of v3
	b.want("v3", 5)
}

func TestAReleaseThatServesAlreadyCanBeDecidedOn(t *testing.T) {
	a, b := peers(t)
	must(t, a.command("v1")())
	must(t, b.command("v2")())
	made, err := a.begin(t.Context(), "acme", "v1") // it never followed
	must(t, err)
	defer a.close(made)
	must(t, a.settle(t.Context(), made, fleet.Release{Name: "acme", Digest: "v1", Version: "1.0.0"}, time.Now()))
	b.want("v1", 3)
	must(t, a.settle(t.Context(), made, fleet.Release{Name: "acme", Digest: "v1", Version: "1.0.0"}, time.Now()))
	b.want("v1", 3)
}

func TestDeathsOnAllHostsAreAddedUp(t *testing.T) {
	s := testStore(t)
	a, b := &suspects{store: s, connector: "acme"}, &suspects{store: s, connector: "acme"}
	died := func(subject string, deaths int, parked bool) supervise.Suspect {
		return supervise.Suspect{Flight: slot.Flight{Subject: subject}, Deaths: deaths, Parked: parked}
	}
	read := func(by *suspects) (list []supervise.Suspect) {
		t.Helper()
		news, err := by.news(t.Context())
		must(t, err)
		if !news {
			t.Error("there is no news, want some")
		}
		list, err = by.read(t.Context())
		must(t, err)
		return list
	}
	want := func(what string, got []supervise.Suspect, want ...supervise.Suspect) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(slot.Flight{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	must(t, a.remember(t.Context(), []supervise.Suspect{died("x", 1, false), died("y", 1, false)}))
	must(t, b.remember(t.Context(), []supervise.Suspect{died("x", 1, false)})) // without knowing of a's
	want("after two deaths", read(b), died("x", 2, false), died("y", 1, false))
	want("at the other", read(a), died("x", 2, false), died("y", 1, false))

	must(t, a.remember(t.Context(), []supervise.Suspect{died("x", 3, true), died("y", 1, false)}))
	want("parked", read(b), died("x", 3, true), died("y", 1, false))
	must(t, b.remember(t.Context(), []supervise.Suspect{died("y", 1, false)})) // unparked
	want("unparked", read(a), died("y", 1, false))
	if news, err := a.news(t.Context()); news || err != nil {
		t.Errorf("news without anything new: %v, %v", news, err)
	}
}
