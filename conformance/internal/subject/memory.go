// Package subject is what the suite tests: a connector's program, or for the suite's own
// tests a connector in memory.
package subject

import (
	"context"
	"sync"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
)

// Memory is a connector in this process, reached as a host reaches one.
type Memory struct {
	// New makes the connector of a process; each has its own.
	New func() sdk.Connector
	// Remote, if not nil, changes how the host sees it.
	Remote func(sdk.Remote) sdk.Remote
}

// InMemory implements [suite.Subject].
func (Memory) InMemory() bool { return true }

// Start implements [suite.Subject].
func (m Memory) Start(ctx context.Context) (suite.Process, error) {
	connector := m.New()
	remote, shut, err := sdktest.Open(connector)
	if err != nil {
		return nil, err
	}
	if m.Remote != nil {
		remote = m.Remote(remote)
	}
	p := &memory{Remote: remote, shut: shut, done: make(chan struct{})}
	if closer, ok := connector.(interface{ Close() }); ok {
		p.close = closer.Close
	}
	if p.description, err = remote.Describe(ctx); err != nil {
		_ = p.Stop(ctx) // the description's error is the one to tell
		return nil, err
	}
	return p, nil
}

type memory struct {
	sdk.Remote
	description sdk.Description
	shut        func() error
	close       func()
	once        sync.Once
	done        chan struct{}
	err         error
}

func (p *memory) Description() sdk.Description { return p.description }
func (p *memory) PID() int                     { return 0 }
func (p *memory) Done() <-chan struct{}        { return p.done }
func (p *memory) Said() string                 { return "" }

// Stop implements [suite.Process].
func (p *memory) Stop(context.Context) error {
	p.once.Do(func() {
		p.err = p.shut()
		if p.close != nil {
			p.close()
		}
		close(p.done)
	})
	return p.err
}
