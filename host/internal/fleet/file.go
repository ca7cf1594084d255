package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxProgram is the size in bytes above which a file is not taken for a connector.
const maxProgram = 512 << 20

// copyProgram copies the file at from to a new read-only executable at to, durably,
// and returns the SHA-256 of what it wrote.
func copyProgram(ctx context.Context, from, to string) (digest string, err error) {
	source, err := openProgram(from)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	hash := sha256.New()
	if err := writeFile(to, 0o500, io.TeeReader(&interruptible{ctx, source}, hash)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func digestOf(ctx context.Context, path string) (digest string, err error) {
	file, err := openProgram(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, &interruptible{ctx, file}); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// openProgram opens a file without waiting for anybody, as opening a pipe would.
func openProgram(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = suits(info)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func suits(info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", info.Name())
	case info.Size() == 0:
		return fmt.Errorf("%s is empty", info.Name())
	case info.Size() > maxProgram:
		return fmt.Errorf("%s has %d bytes, at most %d are taken", info.Name(), info.Size(), maxProgram)
	}
	return nil
}

// writeFile makes a new file with what from has and does not return before it is on
// the disk.
func writeFile(path string, mode fs.FileMode, from io.Reader) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(file, from); err != nil {
		return err
	}
	// The mode that a file is made with is subject to the umask.
	if err := file.Chmod(mode); err != nil {
		return err
	}
	return file.Sync()
}

// syncDir makes what was created or renamed in dir durable.
func syncDir(dir string) (err error) {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Sync()
}

// An interruptible reader reads until its context ends.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r *interruptible) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(b)
}
