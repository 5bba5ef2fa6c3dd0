package redistest

import (
	"os/exec"
	"syscall"
)

// DieWithParent ends the process also when the test binary is killed.
func DieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
