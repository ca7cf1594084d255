package launch

import (
	"fmt"
	"os"
	"syscall"
)

// An Exit is how a connector's process ended.
type Exit struct {
	Code   int       // exit code; -1 when a signal ended it
	Signal os.Signal // what ended it, or nil
	// Stopped says that Stop had been called before it ended. An exit that was not asked
	// for is a crash, whatever its code.
	Stopped bool
	Err     error // what could not be found out or cleaned up, or nil
	// LastLines are the last lines that it wrote to standard error, redacted and cut to
	// 512 bytes each; of a panic, what came before it and the start of its stack.
	LastLines []string
}

// String says it in a few words.
func (e Exit) String() string {
	if e.Signal != nil {
		return fmt.Sprintf("killed by signal: %v", e.Signal)
	}
	if e.Code < 0 && e.Err != nil { // nobody has seen it end
		return e.Err.Error()
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

func exitOf(state *os.ProcessState, err error) Exit {
	exit := Exit{Code: -1, Err: err}
	if state == nil {
		return exit
	}
	exit.Code = state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		exit.Signal = status.Signal()
	}
	return exit
}
