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

// failpointFile is the order, in the private directory that the host gives a connector:
// whoever is kept in can read nothing else, and is given no variables. An order is one
// line of four words: the process it is for or "*", the moment, the method, and a text
// that the request holds or "*".
const failpointFile = "connector-failpoint"

// failpoint kills this process, as SIGKILL does, at the call that the order names. It is
// compiled only with the tag "failpoint", which no release is built with.
func failpoint(moment, method string, request any) {
	text, err := os.ReadFile(filepath.Join(os.TempDir(), failpointFile))
	if err != nil {
		return // there is no order
	}
	order := strings.Fields(string(text))
	if len(order) == 4 && fits(order[0], strconv.Itoa(os.Getpid())) && order[1] == moment &&
		strings.HasSuffix(method, "/"+order[2]) && (order[3] == "*" || strings.Contains(fmt.Sprint(request), order[3])) {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // a process may always signal itself
		select {}                                      // nothing more happens here
	}
}

func fits(asked, is string) bool { return asked == "*" || asked == is }
