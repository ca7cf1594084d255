// Package fleet keeps the releases of connectors that are installed on this host.
//
// A release is a program, named by the SHA-256 of its bytes, and what the program
// said of itself when it was installed. Both are written once and never changed:
// [Fleet.Get] hands out a release only while its bytes are what they were. Releases
// of one connector lie side by side, and installing the same bytes again changes
// nothing. An installation is there entirely or not at all, whenever the host dies.
//
// Beside a release may lie its certificate, the one part of it that can be exchanged.
// Whoever installs brings a [Judge] that is asked before the program is ever started.
//
// The package trusts whoever installs. It starts a program once, to ask what it is,
// and leaves it to others to decide which release runs. One [Fleet] at a time may use
// a directory.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// What can be wrong with a release that was asked for.
var (
	ErrNotInstalled = errors.New("not installed")
	ErrDamaged      = errors.New("not what was installed")
	ErrInUse        = errors.New("in use") // and so not to be removed
)

// A Trial starts the program at path, whose SHA-256 in hex must be digest, asks it
// what it is, and stops it again. It must return soon after ctx ends.
type Trial func(ctx context.Context, path, digest string) (sdk.Description, error)

// A Fleet is the installed releases. Its methods may be called concurrently.
type Fleet struct {
	dir   string
	trial Trial

	installing chan struct{} // holds a token while an installation is under way

	mu       sync.RWMutex
	releases map[string]Release // by digest
	damaged  map[string]error   // by digest: folders whose record cannot be read
	kept     map[string]int     // by digest: how many keep it from being removed
	doomed   string             // the digest of the release that is being removed
}

// Unfinished begins the names of what is removed from the folder of the releases when it
// is opened: installations that were cut short, and whatever else is called so.
const Unfinished = incoming

const incoming = ".incoming-"

// Open opens the releases in dir, which it makes if need be, and removes what
// installations that were cut short left behind.
func Open(dir string, trial Trial) (*Fleet, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the releases: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the releases: %w", err)
	}
	f := &Fleet{
		dir:        dir,
		trial:      trial,
		installing: make(chan struct{}, 1),
		releases:   map[string]Release{},
		damaged:    map[string]error{},
		kept:       map[string]int{},
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case strings.HasPrefix(name, incoming):
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return nil, fmt.Errorf("removing an unfinished installation: %w", err)
			}
		case digestPattern.MatchString(name):
			f.load(name)
		}
	}
	return f, nil
}

// load reads one release. One that cannot be read does not keep the others from
// running: asking for it is what fails.
func (f *Fleet) load(digest string) {
	r, err := readRecord(filepath.Join(f.dir, digest), digest)
	if err != nil {
		f.damaged[digest] = fmt.Errorf("release %s is %w: %w", digest, ErrDamaged, err)
		return
	}
	f.releases[digest] = r
}

// List returns the installed releases, by name, and for each name the one that was
// installed last first. It does not look at their bytes.
func (f *Fleet) List() []Release {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return slices.SortedFunc(maps.Values(f.releases), func(a, b Release) int {
		return cmp.Or(
			strings.Compare(a.Name, b.Name),
			b.InstalledAt.Compare(a.InstalledAt),
			strings.Compare(a.Digest, b.Digest))
	})
}

// Has reports whether the release with that digest is installed. It does not look at its
// bytes.
func (f *Fleet) Has(digest string) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, known := f.releases[digest]
	_, damaged := f.damaged[digest]
	return known || damaged
}

// Get returns the release that ref names: a digest, a connector's name, which means
// the release of it that was installed last, or name@version. It reads the program
// and refuses with [ErrDamaged] one whose bytes are not those that were installed.
func (f *Fleet) Get(ref string) (Release, error) {
	r, err := f.find(ref)
	if err != nil {
		return Release{}, err
	}
	if err := r.verify(); err != nil {
		return Release{}, err
	}
	return r, nil
}

func (f *Fleet) find(ref string) (Release, error) {
	f.mu.RLock()
	r, known := f.releases[ref]
	damage := f.damaged[ref]
	f.mu.RUnlock()
	if known {
		return r, nil
	}
	if damage != nil {
		return Release{}, damage
	}
	for _, r := range f.List() {
		if ref == r.Name || ref == r.Name+"@"+r.Version {
			return r, nil
		}
	}
	return Release{}, fmt.Errorf("release %q is %w", ref, ErrNotInstalled)
}

// Verify reads every program and reports each release that is not what was installed.
func (f *Fleet) Verify() error {
	f.mu.RLock()
	problems := slices.Collect(maps.Values(f.damaged))
	f.mu.RUnlock()
	for _, r := range f.List() {
		if err := r.verify(); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Install copies the program at path, asks the copy in a trial start what it is, and
// keeps both. It returns the release that is there already if its bytes are the same.
// One installation runs at a time; the others wait until ctx ends.
func (f *Fleet) Install(ctx context.Context, path string) (Release, error) {
	return f.InstallCertified(ctx, path, nil, func(string, *sdk.Description, []byte) error { return nil })
}

// InstallCertified is Install with a certificate, which may be nil, and a judge, whose
// error keeps the program from being started and the release from being kept. A
// certificate for a release that is there already takes the place of the one it has.
func (f *Fleet) InstallCertified(ctx context.Context, path string, certificate []byte, judge Judge) (Release, error) {
	r, err := f.install(ctx, path, certificate, judge)
	if err != nil {
		return Release{}, fmt.Errorf("installing %s: %w", path, err)
	}
	return r, nil
}

func (f *Fleet) install(ctx context.Context, path string, certificate []byte, judge Judge) (_ Release, err error) {
	done, err := f.alone(ctx)
	if err != nil {
		return Release{}, err
	}
	defer done()
	temporary, err := os.MkdirTemp(f.dir, incoming)
	if err != nil {
		return Release{}, err
	}
	defer func() {
		// After the rename there is nothing left under this name.
		err = errors.Join(err, os.RemoveAll(temporary))
	}()
	digest, err := copyProgram(ctx, path, filepath.Join(temporary, programFile))
	if err != nil {
		return Release{}, err
	}
	switch r, err := f.Get(digest); {
	case err == nil:
		return r, f.recertify(r, certificate, judge)
	case !errors.Is(err, ErrNotInstalled):
		return Release{}, fmt.Errorf("%w; remove %s and install again", err, filepath.Join(f.dir, digest))
	}
	if err := judge(digest, nil, certificate); err != nil {
		return Release{}, err
	}
	described, err := f.trial(ctx, filepath.Join(temporary, programFile), digest)
	if err != nil {
		return Release{}, fmt.Errorf("trial start: %w", err)
	}
	if err := judge(digest, &described, certificate); err != nil {
		return Release{}, err
	}
	if certificate != nil {
		if err := writeCertificate(temporary, certificate); err != nil {
			return Release{}, err
		}
	}
	return f.settle(temporary, digest, described)
}

// alone waits until nothing else changes what is installed.
func (f *Fleet) alone(ctx context.Context) (done func(), err error) {
	select {
	case f.installing <- struct{}{}:
		return func() { <-f.installing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// settle makes the copied program a release: writes down what it said of itself and
// gives the folder its final name.
func (f *Fleet) settle(temporary, digest string, described sdk.Description) (Release, error) {
	r := Release{
		Name:        described.Manifest.Name,
		Version:     described.Manifest.Version,
		Digest:      digest,
		Description: described,
		InstalledAt: time.Now().UTC().Round(0),
		Path:        filepath.Join(f.dir, digest, programFile),
	}
	if err := r.check(); err != nil {
		return Release{}, err
	}
	if err := writeRecord(temporary, r); err != nil {
		return Release{}, err
	}
	final := filepath.Join(f.dir, digest)
	if err := os.Rename(temporary, final); err != nil {
		return Release{}, err
	}
	if err := syncDir(f.dir); err != nil {
		return Release{}, errors.Join(err, os.RemoveAll(final))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.releases[digest] = r
	return r, nil
}

// Keep keeps the release with that digest from being removed until done is called,
// which may be called more than once. Whoever brings a release into use keeps it until
// it can be seen to be in use. One that is being removed is [ErrNotInstalled].
func (f *Fleet) Keep(digest string) (done func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.releases[digest]; !known || f.doomed == digest {
		return nil, fmt.Errorf("release %q is %w", digest, ErrNotInstalled)
	}
	f.kept[digest]++
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.kept[digest]--; f.kept[digest] == 0 {
			delete(f.kept, digest)
		}
	}), nil
}

// Remove removes the release with that digest, also one that is damaged: from then on
// it is not installed, whenever the host dies. One that is kept is [ErrInUse]. The
// fleet does not know what runs: idle is asked, after the last moment at which the
// release could be kept, and an error of it is why the release stays. A process that
// runs the release all the same goes on.
func (f *Fleet) Remove(ctx context.Context, digest string, idle func() error) error {
	done, err := f.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := f.doom(digest); err != nil {
		return err
	}
	defer f.spare()
	if err := idle(); err != nil {
		return err
	}
	// Under a name of an unfinished installation it is gone at once, and what the removal
	// leaves behind is removed when the fleet is opened.
	doomed := filepath.Join(f.dir, incoming+digest)
	if err := os.Rename(filepath.Join(f.dir, digest), doomed); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing release %s: %w", digest, err)
	}
	f.mu.Lock()
	delete(f.releases, digest)
	delete(f.damaged, digest)
	f.mu.Unlock()
	if err := errors.Join(syncDir(f.dir), os.RemoveAll(doomed)); err != nil {
		return fmt.Errorf("removing release %s: %w", digest, err)
	}
	return nil
}

// doom lets nobody keep a release any more that nobody keeps.
func (f *Fleet) doom(digest string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, known := f.releases[digest]
	_, damaged := f.damaged[digest]
	switch {
	case !known && !damaged:
		return fmt.Errorf("release %q is %w", digest, ErrNotInstalled)
	case f.kept[digest] > 0:
		return fmt.Errorf("release %.12s is %w: it is being brought into use", digest, ErrInUse)
	}
	f.doomed = digest
	return nil
}

func (f *Fleet) spare() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doomed = ""
}

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
