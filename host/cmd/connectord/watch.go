package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

const (
	lookEvery = 100 * time.Millisecond
	// restFor is how long a file must have stayed as it is to count as written: a linker
	// pauses between its writes, but not for so long.
	restFor = 400 * time.Millisecond
)

// A watcher tells when a file was replaced or rewritten and has come to rest. It reads
// no bytes. What happens within one tick of the file system's clock and leaves size and
// file the same is not seen. It is used by one goroutine.
type watcher struct {
	path  string
	taken os.FileInfo // of what was reported last, nil if there was no file
	seen  os.FileInfo // at the last look
	since time.Time   // when seen was first seen
}

// newWatcher returns a watcher of changes from now on.
func newWatcher(path string) *watcher {
	w := &watcher{path: path}
	w.taken = w.stat()
	w.seen = w.taken
	return w
}

// stat is nil where there is no file that could be read.
func (w *watcher) stat() os.FileInfo {
	file, err := os.Open(w.path)
	if err != nil {
		return nil
	}
	info, err := file.Stat()
	if closeErr := file.Close(); err != nil || closeErr != nil || !info.Mode().IsRegular() {
		return nil
	}
	return info
}

// look reports whether there is something new that has come to rest. It does so once
// for each change.
func (w *watcher) look(now time.Time) bool {
	info := w.stat()
	if !same(info, w.seen) {
		w.seen, w.since = info, now
	}
	if info == nil || same(info, w.taken) || now.Sub(w.since) < restFor {
		return false
	}
	w.taken = info
	return true
}

// same reports whether nobody has touched a file between two looks.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

// await waits for a change, and reports whether there was one before ctx ended.
func (w *watcher) await(ctx context.Context) bool {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if w.look(time.Now()) {
			return true
		}
	}
}

// A reloading host installs programs and swaps them in.
type reloading interface {
	Install(ctx context.Context, file string, certificate []byte) (fleet.Release, error)
	Swap(ctx context.Context, connector string, order admin.SwapOrder) (supervise.SwapReport, error)
	Remove(ctx context.Context, digest string) error
}

// A reloader swaps a rebuilt connector in and says in one line what came of it. Of the
// releases that it has installed it keeps those that are in use.
type reloader struct {
	host      reloading
	path      string
	connector string
	status    func() []supervise.Status
	out       io.Writer
	installed []string // digests
	serves    string   // digest of what was swapped in last, empty before
}

// run reloads after each change of the file until ctx ends.
func (r *reloader) run(ctx context.Context, file *watcher) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if file.look(time.Now()) {
			r.reload(ctx)
		}
		r.notice()
	}
}

// notice says so, once, if what was swapped in did not last.
func (r *reloader) notice() {
	for _, is := range r.status() {
		gone := r.serves != "" && is.Digest != r.serves
		if is.Connector == r.connector && is.State == supervise.Serving && gone {
			r.serves = is.Digest
			r.say("went back to %s %s (%.12s): %s", is.Connector, is.Version, is.Digest, is.Cause)
		}
	}
}

// reload brings the program in. Whatever is wrong with it, what served before goes on.
func (r *reloader) reload(ctx context.Context) {
	began := time.Now()
	release, err := r.install(ctx)
	if err == nil && !release.InstalledAt.Before(began) { // else it was there before
		r.installed = append(r.installed, release.Digest)
	}
	if err == nil && release.Name != r.connector {
		err = fmt.Errorf("it is the connector %s now, not %s: start connectord dev again to run it", release.Name, r.connector)
	}
	var report supervise.SwapReport
	if err == nil {
		report, err = r.host.Swap(ctx, r.connector, admin.SwapOrder{Release: release.Digest, AllowLoss: true})
	}
	took := time.Since(began).Round(time.Millisecond)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		r.say("%s was rebuilt and is not used, the old one goes on: %s", r.path, err)
	case report.Unchanged:
		r.say("%s was rebuilt to the same bytes, which serve already", r.path)
	default:
		r.serves = release.Digest
		r.say("swapped to %s in %s, %s of it from start to first call%s", release, took,
			report.Start.Round(time.Millisecond), without(report.Lost))
	}
	r.tidy(ctx)
}

// install installs the program, with the certificate beside it.
func (r *reloader) install(ctx context.Context) (fleet.Release, error) {
	cert, err := certificateOf(r.path, "")
	if err != nil {
		return fleet.Release{}, err
	}
	return r.host.Install(ctx, r.path, cert)
}

// without says what the author has taken away.
func without(lost []string) string {
	if len(lost) == 0 {
		return ""
	}
	return ", without " + strings.Join(lost, ", ")
}

func (r *reloader) say(format string, args ...any) {
	fmt.Fprintln(r.out, "connectord:", oneLine(fmt.Sprintf(format, args...)))
}

// oneLine joins the lines of an error that has several causes.
func oneLine(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
}

// tidy removes what was installed for one rebuild and is in no use any more.
func (r *reloader) tidy(ctx context.Context) {
	var kept []string
	for _, digest := range r.installed {
		err := r.host.Remove(ctx, digest)
		switch {
		case errors.Is(err, fleet.ErrNotInstalled), err == nil:
		case errors.Is(err, fleet.ErrInUse):
			kept = append(kept, digest)
		default:
			kept = append(kept, digest)
			r.say("removing an old build: %s", err)
		}
	}
	r.installed = kept
}
