package subject

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Program is a connector's binary. It is copied when it is opened, so that what is
// tested cannot change under the test.
type Program struct {
	path   string // of the private copy
	dir    string
	digest string
	size   int64
	log    io.Writer
}

// What a start and the first answer may take: a suite that loads the machine must not
// blame the connector for it.
const (
	startTime    = 20 * time.Second
	describeTime = 5 * time.Second
)

// OpenProgram copies the binary at path. What its processes write is also written to log,
// if that is not nil. The caller closes the Program.
func OpenProgram(path string, log io.Writer) (*Program, error) {
	from, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	if info, err := from.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a file", path))
	}
	dir, err := os.MkdirTemp("", "conform-")
	if err != nil {
		return nil, err
	}
	p := &Program{path: filepath.Join(dir, "connector"), dir: dir, log: log}
	hash := sha256.New()
	to, err := os.OpenFile(p.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o500)
	if err == nil {
		p.size, err = io.Copy(io.MultiWriter(to, hash), from)
		err = errors.Join(err, to.Close())
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.digest = hex.EncodeToString(hash.Sum(nil))
	return p, nil
}

// Digest is the SHA-256 of the binary, and Size its length.
func (p *Program) Digest() string { return p.digest }

// Size is the length of the binary in bytes.
func (p *Program) Size() int64 { return p.size }

// Path is where the private copy is, for cases that start it in their own way.
func (p *Program) Path() string { return p.path }

// Close removes the copy.
func (p *Program) Close() error { return os.RemoveAll(p.dir) }

// InMemory implements [suite.Subject].
func (*Program) InMemory() bool { return false }

// Start implements [suite.Subject]. The process is kept in as a host keeps connectors
// in, and gets out to wherever it asks: the suite stands there.
func (p *Program) Start(ctx context.Context) (suite.Process, error) {
	return p.StartWith(ctx, func(*launch.Config) {})
}

// StartWith is Start for a process that is kept in differently, for cases about just
// that: change is given what Start would use.
func (p *Program) StartWith(ctx context.Context, change func(*launch.Config)) (suite.Process, error) {
	said := &journal{}
	out := io.Writer(said)
	if p.log != nil {
		out = io.MultiWriter(said, p.log)
	}
	config := launch.Config{
		Path: p.path, SHA256: p.digest, StartTimeout: startTime, DescribeTimeout: describeTime,
		Logger:  hclog.New(&hclog.LoggerOptions{Name: "connector", Output: out, Level: hclog.Trace}),
		Egress:  &launch.Egress{Any: true},
		Confine: &launch.Confinement{Memory: 1 << 30, Threads: 1024},
	}
	change(&config)
	plugin, err := launch.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	return &process{Plugin: plugin, said: said}, nil
}

type process struct {
	*launch.Plugin
	said *journal
}

// Said implements [suite.Process].
func (p *process) Said() string { return p.said.String() }

// maxSaid bounds what is kept of a talkative process: the latest of it.
const maxSaid = 16 << 20

type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.text.Len() > maxSaid {
		j.text.Next(j.text.Len() / 2)
	}
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Clone(j.text.String())
}
