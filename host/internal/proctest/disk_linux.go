package proctest

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// SmallDisk makes a folder a disk of its own, with space for so many MiB, until the test
// is over. Only root may do that: without the right to it the test is skipped, and in CI
// it fails.
func SmallDisk(t testing.TB, dir string, mib int) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mib)); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("a small disk cannot be mounted: %v", err)
		}
		t.Skipf("a small disk cannot be mounted, which root may do: %v", err)
	}
	t.Cleanup(func() {
		// Detached, as a process that is being ended may still have a file open.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
