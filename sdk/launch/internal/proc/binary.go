// Package proc runs one executable file as one child process and keeps hold of it.
//
// On Linux the bytes that were hashed are the bytes that run, the process leads its
// own group, the kernel kills it when this process dies, and the group is killed
// before the process is reaped, so that no signal ever reaches a stranger. Elsewhere
// less is promised: [Promises] says what.
//
// It confines nothing by itself: see [Shell]. A descendant that leaves the process
// group is not followed.
package proc

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// ErrChanged says that the file was written to between being hashed and being run.
var ErrChanged = errors.New("the file changed after it was hashed")

// A Binary is an executable file that was opened once and hashed through that one
// descriptor. Replacing the file at its path afterwards changes nothing.
type Binary struct {
	path   string
	file   *os.File
	digest string
	before stamp
}

// Open opens and hashes the file at path. It fails on what is not a regular file and
// on a script, which cannot be run by descriptor. The caller closes the Binary.
func Open(ctx context.Context, path string) (*Binary, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	b := &Binary{path: path, file: file}
	if err := b.hash(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("hashing %s: %w", path, err), file.Close())
	}
	return b, nil
}

// Digest is the SHA-256 of the file in lower-case hexadecimal.
func (b *Binary) Digest() string { return b.digest }

// FD is the descriptor of the file, valid until Close.
func (b *Binary) FD() uintptr { return b.file.Fd() }

// Loader is the program that the system runs to load this one, empty for a program
// that is linked statically and for what is not an ELF file.
func (b *Binary) Loader() (string, error) {
	program, err := elf.NewFile(b.file)
	var format *elf.FormatError
	switch {
	case errors.As(err, &format), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "", nil // whether it can be run at all is for the system to say
	case err != nil:
		return "", err
	}
	for _, segment := range program.Progs {
		if segment.Type != elf.PT_INTERP {
			continue
		}
		path, err := io.ReadAll(io.LimitReader(segment.Open(), maxLoader))
		if err != nil {
			return "", fmt.Errorf("reading the loader of %s: %w", b.path, err)
		}
		return strings.TrimRight(string(path), "\x00"), nil
	}
	return "", nil
}

// maxLoader is the longest path that Linux takes.
const maxLoader = 4096

// Close lets go of the file. A process that was started from it keeps running.
func (b *Binary) Close() error { return b.file.Close() }

func (b *Binary) hash(ctx context.Context) error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a regular file but %s", info.Mode().Type())
	}
	b.before = stampOf(info)
	var magic [2]byte
	if _, err := b.file.ReadAt(magic[:], 0); err != nil {
		return fmt.Errorf("reading its first bytes: %w", err)
	}
	if string(magic[:]) == "#!" {
		return errors.New("a script cannot be run by descriptor; give a compiled program")
	}
	b.digest, err = b.sum(ctx, info.Size())
	return err
}

// sum hashes the first size bytes; what is appended meanwhile changes the stamp.
func (b *Binary) sum(ctx context.Context, size int64) (string, error) {
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, patient{ctx, io.NewSectionReader(b.file, 0, size)}, make([]byte, 1<<20)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// unchanged compares the file with what it was when it was hashed. It is asked once
// the file is being executed, from when on the system lets nobody write to it. Being
// renamed or removed changes the stamp too, but not the bytes.
func (b *Binary) unchanged(ctx context.Context) error {
	info, err := b.file.Stat()
	if err != nil {
		return err
	}
	now := stampOf(info)
	switch {
	case now == b.before:
		return nil
	case now.size != b.before.size:
		return ErrChanged
	}
	digest, err := b.sum(ctx, now.size)
	if err == nil && digest != b.digest {
		err = ErrChanged
	}
	return err
}

// patient stops reading when its context is done.
type patient struct {
	ctx context.Context
	io.Reader
}

func (p patient) Read(buf []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(buf)
}

// A stamp changes whenever a file is written to, as far as its system can tell.
type stamp struct {
	device, inode    uint64
	size             int64
	modified, status time.Time
}

// Promises says what this package keeps on this system.
type Promises struct {
	RunsHashedBytes bool // the bytes hashed are the bytes run
	DiesWithParent  bool // the kernel kills the child when this process dies
	KillsGroup      bool // descendants in the process group are killed with the child
}
