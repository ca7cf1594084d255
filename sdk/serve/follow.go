package serve

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// parentPause is how often a process without a lifeline looks for its parent.
const parentPause = time.Second

// follow ends this process with its host and on SIGTERM. Its goroutines live as long
// as the process does.
func (s *server) follow(stdin *os.File) {
	// A log line that nobody can read any more must not kill the process: with a
	// channel for SIGPIPE, writing to a closed standard error fails like any write.
	// Ignoring the signal instead would be inherited by child processes.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		s.stop()
	}()

	if os.Getenv(link.LifelineKey) == link.LifelineStdin {
		go untilEnd(stdin)
	} else {
		go untilOrphaned(os.Getppid())
	}
}

// untilEnd exits when the host has closed its end of the lifeline, at once: there is
// nobody left to answer.
func untilEnd(stdin *os.File) {
	if _, err := io.Copy(io.Discard, stdin); err != nil {
		slog.Error("reading the lifeline", "error", err)
	}
	os.Exit(0)
}

// untilOrphaned exits when somebody else has become the parent.
func untilOrphaned(parent int) {
	for range time.Tick(parentPause) {
		if os.Getppid() != parent {
			os.Exit(0)
		}
	}
}
