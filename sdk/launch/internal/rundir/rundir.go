// Package rundir makes directories that belong to one child process each: only this
// user may enter them, and they are gone when the child is.
//
// A directory is locked for as long as the process that made it lives, so that what a
// killed process left behind can be told from what another one is using, and removed.
// Locks are of this machine: do not share the base directory over a network.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

const prefix = "connectorhost-"

// ours is the whole name, as os.MkdirTemp makes it: a base such as /tmp has other things.
var ours = regexp.MustCompile(`^` + prefix + `[0-9]+$`)

// maxSocketPath is the shortest limit on a Unix socket's path among the systems that
// matter (104 bytes with the final zero on BSD, 108 on Linux).
const maxSocketPath = 103

// added is how long a socket's path gets below the base: os.MkdirTemp and go-plugin
// both append a random 32-bit number.
const added = len("/" + prefix + "4294967295" + "/plugin4294967295")

// MaxBase is the longest base directory, in bytes.
const MaxBase = maxSocketPath - added

// A Dir is one such directory.
type Dir struct {
	path string
	lock *os.File
}

// New makes a directory below base, which is made too if it does not exist. An empty
// base means the system's directory for temporary files. It fails if others may write
// to base, or if the path would be too long for a socket.
func New(base string) (*Dir, error) {
	base, err := prepare(base)
	if err != nil {
		return nil, err
	}
	for {
		path, err := os.MkdirTemp(base, prefix)
		if err != nil {
			return nil, err
		}
		lock, err := lockDir(path)
		// A cleaner may have taken it for left-over before it was locked: it is being
		// removed, or has been.
		if errors.Is(err, errHeld) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), os.RemoveAll(path))
		}
		if same(path, lock) {
			return &Dir{path, lock}, nil
		}
		if err := lock.Close(); err != nil {
			return nil, err
		}
	}
}

// Path is absolute.
func (d *Dir) Path() string { return d.path }

// Remove removes the directory with everything in it.
func (d *Dir) Remove() error { return errors.Join(os.RemoveAll(d.path), d.lock.Close()) }

// Clean removes the directories below base that no living process holds, and reports
// how many. A base that does not exist is clean. It calls too, if not nil, with each
// directory before that is removed; one for which that fails stays.
func Clean(base string, too func(path string) error) (int, error) {
	if base == "" {
		base = os.TempDir()
	}
	entries, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	removed := 0
	for _, entry := range entries {
		if !entry.IsDir() || !ours.MatchString(entry.Name()) {
			continue
		}
		done, cleanErr := clean(filepath.Join(base, entry.Name()), too)
		err = errors.Join(err, cleanErr)
		if done {
			removed++
		}
	}
	return removed, err
}

func clean(path string, too func(string) error) (bool, error) {
	lock, err := lockDir(path)
	if errors.Is(err, errHeld) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil // somebody's, gone, or another user's
	}
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", path, err)
	}
	if too != nil {
		if err := too(path); err != nil {
			return false, errors.Join(err, lock.Close())
		}
	}
	if err := errors.Join(os.RemoveAll(path), lock.Close()); err != nil {
		return false, err
	}
	return true, nil
}

// errHeld says that a living process holds the lock.
var errHeld = errors.New("the directory is in use")

// prepare makes base if it must and returns it as an absolute path.
func prepare(base string) (string, error) {
	if base == "" {
		base = os.TempDir()
	}
	base, err := filepath.Abs(base)
	if err != nil {
		return "", err
	}
	if len(base) > MaxBase {
		return "", fmt.Errorf("runtime directory %s: %d bytes, at most %d fit the path of a Unix socket",
			base, len(base), MaxBase)
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", err
	}
	info, err := os.Stat(base)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return "", fmt.Errorf("runtime directory %s: writable by others (%v), who could replace sockets",
			base, info.Mode())
	}
	return base, nil
}

func same(path string, lock *os.File) bool {
	byPath, pathErr := os.Stat(path)
	byLock, lockErr := lock.Stat()
	return pathErr == nil && lockErr == nil && os.SameFile(byPath, byLock)
}
