package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
)

// loadID reads the name by which other hosts know the host of this data directory, or
// makes one.
func loadID(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		id := uuid.NewString()
		return id, writeNew(file, id)
	}
	if err != nil {
		return "", fmt.Errorf("reading the host's id: %w", err)
	}
	id, err := uuid.Parse(strings.TrimSpace(string(raw)))
	if err != nil {
		return "", fmt.Errorf("%s must hold a UUID: %w; without the file, a new one is made", file, err)
	}
	return id.String(), nil
}

// writeNew writes a line to a file that does not exist and that only this user can read:
// whole, or not at all.
func writeNew(file, line string) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), file)
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// version is that of this program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
