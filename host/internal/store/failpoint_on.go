//go:build failpoint

package store

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// The moments at which a test can have the host killed: everything of a change is
// written but nothing is durable, and all of it is durable but nobody has heard.
const (
	beforeCommit = "before"
	afterCommit  = "after"
)

// failpointFile names the variable that says where the order is: one line of a word, a
// moment and a number, as in "order-7 after 3". A new word starts the count again.
const failpointFile = "STORE_FAILPOINT"

// commits counts the commits since the order was given.
var commits struct {
	sync.Mutex
	word  string
	count int
}

// failpoint kills this process, as SIGKILL does, at the commit that the order names. It
// is compiled only with the tag "failpoint", which no release is built with.
func failpoint(moment string) {
	text, err := os.ReadFile(os.Getenv(failpointFile))
	if err != nil {
		return // no order was given
	}
	var word, when string
	var number int
	if _, err := fmt.Sscanf(string(text), "%s %s %d", &word, &when, &number); err != nil {
		return // it is being written
	}
	commits.Lock()
	defer commits.Unlock()
	if word != commits.word {
		commits.word, commits.count = word, 0
	}
	if moment == beforeCommit {
		commits.count++
	}
	if moment == when && commits.count == number {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // a process may always signal itself
		select {}                                      // nothing more happens here
	}
}
