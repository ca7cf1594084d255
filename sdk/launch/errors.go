package launch

import (
	"context"
	"errors"
	"fmt"
)

// A Reason says at which step a start failed, and so whether to try again.
type Reason string

// The reasons. Only ReasonHost, ReasonTimeout and ReasonCanceled can go away by
// themselves; ReasonExited, ReasonHandshake and ReasonDescribe can if the connector
// crashed.
const (
	ReasonBinary    Reason = "binary"    // the file cannot be opened or executed
	ReasonDigest    Reason = "digest"    // the file is not the one that was asked for, or it changed meanwhile
	ReasonHandshake Reason = "handshake" // it printed something else before it said where it listens
	ReasonExited    Reason = "exited"    // it exited before it said where it listens
	ReasonTimeout   Reason = "timeout"   // it did not shake hands in time
	ReasonContract  Reason = "contract"  // it speaks no contract version that this host speaks
	ReasonDescribe  Reason = "describe"  // it did not describe itself, or not usably
	ReasonHost      Reason = "host"      // something of ours failed: a directory, a pipe, the configuration
	ReasonCanceled  Reason = "canceled"  // the caller gave up
	// ReasonConfinement says that a wall that is required cannot be built here.
	ReasonConfinement Reason = "confinement"
)

// A StartError is why a connector was not started. Every error of [Start] is one. When
// Start returns it, the process is gone, unless Err says that it could not be killed.
type StartError struct {
	Reason Reason
	Path   string
	Err    error
	// LastLines are the last lines that the process wrote to standard error, redacted.
	LastLines []string
}

// Error reads as a path to the cause.
func (e *StartError) Error() string {
	return fmt.Sprintf("starting %s: %s: %v", e.Path, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// A failure is an error that knows its reason and not yet its path.
type failure struct {
	reason Reason
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func failf(reason Reason, format string, args ...any) error {
	return &failure{reason, fmt.Errorf(format, args...)}
}

// startError gives err the reason that it carries, or else fallback.
func startError(path string, fallback Reason, err error) *StartError {
	if f, ok := errors.AsType[*failure](err); ok {
		return &StartError{Reason: f.reason, Path: path, Err: f.err}
	}
	return &StartError{Reason: fallback, Path: path, Err: err}
}

// gaveUp is the reason of a start whose context is done.
func gaveUp(ctx context.Context) Reason {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ReasonCanceled
	}
	return ReasonTimeout
}
