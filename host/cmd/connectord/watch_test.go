package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// morning is when the files in these tests were written.
var morning = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// write writes a file and sets its time.
func write(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o700), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

func TestWatcher(t *testing.T) {
	// Each step is done to the file at a number of milliseconds; the looks are those at
	// which something new must be reported, of one in every hundred milliseconds.
	type step struct {
		at int
		do func(t *testing.T, path string)
	}
	rewrite := func(text string, minute int) func(*testing.T, string) {
		return func(t *testing.T, path string) { write(t, path, text, morning.Add(time.Duration(minute)*time.Minute)) }
	}
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		steps []step
		looks []int
	}{
		"untouched":                  {},
		"rewritten":                  {[]step{{200, rewrite("two", 1)}}, []int{600}},
		"rewritten to the same size": {[]step{{200, rewrite("ONE", 1)}}, []int{600}},
		"grown in the same tick":     {[]step{{200, rewrite("longer", 0)}}, []int{600}},
		"still being written": {
			[]step{{200, rewrite("t", 1)}, {500, rewrite("tw", 2)}, {800, rewrite("two", 3)}}, []int{1200},
		},
		"twice":          {[]step{{200, rewrite("two", 1)}, {1000, rewrite("three", 2)}}, []int{600, 1400}},
		"removed":        {[]step{{200, remove}}, nil},
		"gone and back":  {[]step{{200, remove}, {900, rewrite("two", 1)}}, []int{1300}},
		"changed back":   {[]step{{200, rewrite("two", 1)}, {400, rewrite("one", 0)}}, nil},
		"made runnable":  {[]step{{200, func(t *testing.T, path string) { mode(t, path, 0o600) }}}, []int{600}},
		"now a folder":   {[]step{{200, remove}, {300, func(t *testing.T, path string) { mkdir(t, path) }}}, nil},
		"moved in place": {[]step{{200, func(t *testing.T, path string) { moveIn(t, path) }}}, []int{600}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "connector")
			write(t, path, "one", morning)
			w := newWatcher(path)
			var looks []int
			for at := 0; at < 2000; at += 100 {
				for _, s := range tt.steps {
					if s.at == at {
						s.do(t, path)
					}
				}
				if w.look(morning.Add(time.Duration(at) * time.Millisecond)) {
					looks = append(looks, at)
				}
			}
			if !slices.Equal(looks, tt.looks) {
				t.Errorf("reported at %v, want %v", looks, tt.looks)
			}
		})
	}
}

func mode(t *testing.T, path string, m os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, m); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// moveIn replaces the file by another one of the same size and time.
func moveIn(t *testing.T, path string) {
	t.Helper()
	write(t, path+".new", "two", morning)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatcherWaitsForTheFirstFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "connector")
	w := newWatcher(path)
	if w.look(morning) || w.look(morning.Add(time.Hour)) {
		t.Error("reported a file that is not there")
	}
	write(t, path, "one", morning)
	if w.look(morning.Add(time.Hour)) || !w.look(morning.Add(time.Hour+restFor)) {
		t.Error("want it reported once it has come to rest")
	}
}

// A rack is a host that takes what it is told.
type rack struct {
	release  fleet.Release
	report   supervise.SwapReport
	bad, not error // of Install, of Swap
	inUse    []string
	removed  []string
	swaps    []admin.SwapOrder
}

func (r *rack) Install(context.Context, string, []byte) (fleet.Release, error) {
	return r.release, r.bad
}

func (r *rack) Swap(_ context.Context, _ string, o admin.SwapOrder) (supervise.SwapReport, error) {
	r.swaps = append(r.swaps, o)
	return r.report, r.not
}

func (r *rack) Remove(_ context.Context, digest string) error {
	if slices.Contains(r.inUse, digest) {
		return fleet.ErrInUse
	}
	r.removed = append(r.removed, digest)
	return nil
}

// soon is later than any reload of these tests begins.
func soon() time.Time { return time.Now().Add(time.Hour) }

func TestReloadSaysInOneLineWhatCameOfIt(t *testing.T) {
	mine := fleet.Release{Name: "mine", Version: "1.2.0", Digest: strings.Repeat("ab", 32), InstalledAt: soon()}
	other := mine
	other.Name = "other"
	tests := map[string]struct {
		rack  rack
		says  string
		swaps int
	}{
		"it serves":         {rack{release: mine, report: supervise.SwapReport{Start: 12 * time.Millisecond}}, "swapped to mine 1.2.0 (abababababab) in ", 1},
		"it can do less":    {rack{release: mine, report: supervise.SwapReport{Lost: []string{"operation void"}}}, "without operation void", 1},
		"the same":          {rack{release: mine, report: supervise.SwapReport{Unchanged: true}}, "serve already", 1},
		"no connector":      {rack{bad: errors.New("trial start: exit code 3\nlast words")}, "the old one goes on: trial start: exit code 3; last words", 0},
		"it does not serve": {rack{release: mine, not: errors.New("not healthy")}, "the old one goes on: not healthy", 1},
		"another connector": {rack{release: other}, "it is the connector other now, not mine", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			r := &reloader{host: &tt.rack, path: "/somewhere/mine", connector: "mine", out: &out}
			r.reload(t.Context())
			if got := out.String(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "connectord: ") || !strings.Contains(got, tt.says) {
				t.Errorf("says %q, want one line with %q", got, tt.says)
			}
			if len(tt.rack.swaps) != tt.swaps {
				t.Errorf("%d swaps, want %d", len(tt.rack.swaps), tt.swaps)
			}
		})
	}
}

func TestReloaderTellsOnceOfWhatDidNotLast(t *testing.T) {
	var out bytes.Buffer
	is := supervise.Status{Connector: "mine"}
	is.State, is.Digest, is.Version, is.Cause = supervise.Serving, "old", "1.0.0", "the new one\nwas taken back"
	other := is
	other.Connector = "other"
	r := &reloader{connector: "mine", out: &out, status: func() []supervise.Status { return []supervise.Status{other, is} }}
	r.notice() // nothing was swapped in
	r.serves, is.State = "new", supervise.Backoff
	r.notice() // nothing serves yet
	is.State = supervise.Serving
	r.notice()
	r.notice()
	if want := "connectord: went back to mine 1.0.0 (old): the new one; was taken back\n"; out.String() != want {
		t.Errorf("says %q, want %q", out.String(), want)
	}
}

func TestReloadSaysNothingOfItsOwnEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	(&reloader{host: &rack{bad: context.Canceled}, out: &out}).reload(ctx)
	if out.Len() > 0 {
		t.Errorf("says %q", out.String())
	}
}

func TestReloadRemovesItsOwnOldBuilds(t *testing.T) {
	host := &rack{}
	r := &reloader{host: host, connector: "mine", out: &bytes.Buffer{}}
	host.release = fleet.Release{Name: "mine", Digest: "before", InstalledAt: time.Now().Add(-time.Hour)}
	r.reload(t.Context())
	for n := 1; n <= 4; n++ {
		digest := fmt.Sprintf("build %d", n)
		host.release = fleet.Release{Name: "mine", Digest: digest, InstalledAt: soon()}
		host.inUse = append(host.inUse, digest)
		host.inUse = host.inUse[max(0, len(host.inUse)-2):] // what serves and what is warm
		r.reload(t.Context())
	}
	if want := []string{"build 1", "build 2"}; !slices.Equal(host.removed, want) {
		t.Errorf("removed %v, want %v", host.removed, want)
	}
}
