//go:build failpoint

package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// The moments at which a test can have the connector killed: a request has arrived and
// nothing was done about it, and it has been dealt with but nobody has heard.
const (
	received  = "received"
	answering = "answering"
)

// failpointDir is where orders are, one line a file; the linker sets it, since a
// connector is given no variables. An order has four words: the process it is for or
// "*", the moment, the method, and a text that the request holds or "*".
var failpointDir string

// failpoint kills this process, as SIGKILL does, at the call that an order names. It is
// compiled only with the tag "failpoint", which no release is built with.
func failpoint(moment, method string, request any) {
	if failpointDir == "" || !strings.HasPrefix(method, "/connector.") {
		return
	}
	files, err := filepath.Glob(filepath.Join(failpointDir, "*"))
	if err != nil {
		return
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it was called off
		}
		order := strings.Fields(string(text))
		if len(order) == 4 && fits(order[0], strconv.Itoa(os.Getpid())) && order[1] == moment &&
			strings.HasSuffix(method, "/"+order[2]) && (order[3] == "*" || strings.Contains(fmt.Sprint(request), order[3])) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // a process may always signal itself
			select {}                                      // nothing more happens here
		}
	}
}

func fits(asked, is string) bool { return asked == "*" || asked == is }
