package suite

import (
	"context"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Subject is what is tested: something that can be started.
type Subject interface {
	// Start starts another process of it.
	Start(ctx context.Context) (Process, error)
	// InMemory says that its processes are none, so that cases about processes say
	// nothing about it.
	InMemory() bool
}

// A Process is a running connector, as a host sees it.
type Process interface {
	sdk.Remote
	Description() sdk.Description
	PID() int // 0 in memory
	// Stop ends it and waits until nothing is left of it.
	Stop(ctx context.Context) error
	// Done is closed when it has ended.
	Done() <-chan struct{}
	// Said is all that it has written so far: logs, standard output and standard error,
	// as it wrote them.
	Said() string
}
