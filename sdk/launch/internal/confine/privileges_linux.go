package confine

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// dropPrivileges keeps the calling thread's children from ever having a right that
// their user has not: no set-uid program and no capability helps them, and root's
// power over the system is not theirs.
func dropPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("setting no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clearing ambient capabilities: %w", err)
	}
	return clearBounds()
}

// clearBounds empties the bounding set, without which even root's programs start with
// no capability. Who may not empty it has nothing to pass on either.
func clearBounds() error {
	for capability := uintptr(0); ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		switch {
		case errors.Is(err, unix.EINVAL): // past the last one that this kernel knows
			return nil
		case errors.Is(err, unix.EPERM) && os.Geteuid() != 0:
			return nil
		case err != nil:
			return fmt.Errorf("dropping capability %d: %w", capability, err)
		}
	}
}
