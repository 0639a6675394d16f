/* One entry for each of the 32 exceptions, leading to `on_exception`.
 *
 * With CFI_SECTION the entries say how to unwind into the interrupted code;
 * without it, or with BARE_TRAPS, a debugger has nothing but the processor's frame on the stack.
 */

	.text
#if defined(CFI_SECTION) && !defined(BARE_TRAPS)
	.cfi_sections CFI_SECTION
#define CFI(...) __VA_ARGS__
#else
#define CFI(...)
#endif

	.macro trap_entry vector, has_error_code
	.type trap_\vector, @function
trap_\vector:
	CFI(.cfi_startproc)
	CFI(.cfi_signal_frame)
	CFI(.cfi_offset rip, -40)
	CFI(.cfi_offset rsp, -16)
	.if \has_error_code
	CFI(.cfi_def_cfa rsp, 48)
	.else
	CFI(.cfi_def_cfa rsp, 40)
	pushq $0
	CFI(.cfi_adjust_cfa_offset 8)
	.endif
	pushq $\vector
	CFI(.cfi_adjust_cfa_offset 8)
	jmp trap_common
	CFI(.cfi_endproc)
	.size trap_\vector, . - trap_\vector
	.endm

	/* The vectors with an error code: SDM 3A, table 6-1. */
	.set vector, 0
	.altmacro
	.macro each_trap number
	.if \number == 8 || (\number >= 10 && \number <= 14) || \number == 17 || \number == 21 || \number == 29 || \number == 30
	trap_entry \number, 1
	.else
	trap_entry \number, 0
	.endif
	.endm
	.rept 32
	each_trap %vector
	.set vector, vector + 1
	.endr

	.macro save register
	pushq %\register
	CFI(.cfi_adjust_cfa_offset 8)
	CFI(.cfi_rel_offset \register, 0)
	.endm
	.macro restore register
	popq %\register
	CFI(.cfi_adjust_cfa_offset -8)
	CFI(.cfi_restore \register)
	.endm

	.globl trap_common
	.type trap_common, @function
trap_common:
	CFI(.cfi_startproc)
	CFI(.cfi_signal_frame)
	CFI(.cfi_def_cfa rsp, 56)
	CFI(.cfi_offset rip, -40)
	CFI(.cfi_offset rsp, -16)
	.irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	save \register
	.endr
	movq %rsp, %rdi
	cld
	call on_exception		/* frame: trap_common */
	.irp register, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	restore \register
	.endr
	addq $16, %rsp
	CFI(.cfi_adjust_cfa_offset -16)
	iretq
	CFI(.cfi_endproc)
	.size trap_common, . - trap_common

	.section .rodata
	.globl trap_entries
	.align 8
	.macro entry_address number
	.quad trap_\number - trap_entries	/* relative: a guest may be moved */
	.endm
	.set vector, 0
trap_entries:
	.rept 32
	entry_address %vector
	.set vector, vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
