/* Every size of page with every kind of right, and an interrupt table with
 * every kind of gate. With LEVELS_5 there is one level more. It prints a byte
 * and halts; nothing is ever interrupted. */

	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start

#define PRESENT 1
#define WRITE 2
#define USER 4
#define LARGE 0x80
#define GLOBAL 0x100
#define NO_EXECUTE 0x8000000000000000
#define TABLE PRESENT + WRITE + USER

	.text
	.code32
	.globl _start
	.type _start, @function
_start:
	cli
#ifdef LEVELS_5
	movl $pml5, %eax
#else
	movl $pml4, %eax
#endif
	movl %eax, %cr3
	movl %cr4, %eax
#ifdef LEVELS_5
	orl $0x3010a0, %eax		/* SMAP, SMEP, LA57, PGE, PAE */
#else
	orl $0x3000a0, %eax		/* SMAP, SMEP, PGE, PAE */
#endif
	movl %eax, %cr4
	movl $0xc0000080, %ecx		/* EFER */
	rdmsr
	orl $0x900, %eax		/* NXE, LME */
	wrmsr
	movl $0x80010011, %eax		/* PG, WP, ET, PE */
	movl %eax, %cr0
	movl $tss, %eax			/* addresses that are in pieces */
	movw %ax, gdt + 0x18 + 2
	shrl $16, %eax
	movb %al, gdt + 0x18 + 4
	movl $on_page_fault, %eax
	movw %ax, idt + 14 * 16
	shrl $16, %eax
	movw %ax, idt + 14 * 16 + 6
	lgdt gdt_pointer
	ljmp $0x08, $1f
	.code64
1:	movw $0x10, %ax
	movw %ax, %ss
	movl $0x18, %eax
	ltr %ax
	lidt idt_pointer
	movl $stack_top, %esp
	movw $0x3f8, %dx
	movb $'!', %al
	outb %al, %dx
2:	cli
	hlt
	jmp 2b
	.size _start, . - _start

	.globl on_page_fault
	.type on_page_fault, @function
on_page_fault:
	hlt
	jmp on_page_fault
	.size on_page_fault, . - on_page_fault

	.data
	.align 4096
#ifdef LEVELS_5
pml5:	.quad pml4 + TABLE
	.fill 510, 8, 0
	.quad pml4 + TABLE
#endif
	.align 4096
pml4:	.quad pdpt + TABLE
	.fill 510, 8, 0
	.quad pdpt + TABLE
	.align 4096
pdpt:	.quad pd + TABLE
	.quad 0x40000000 + LARGE + WRITE + PRESENT
	.quad LARGE + USER + PRESENT + NO_EXECUTE
	.fill 508, 8, 0
	.quad LARGE + GLOBAL + PRESENT
	.align 4096
pd:	.quad pt + TABLE
	.quad 0x200000 + LARGE + WRITE + USER + PRESENT
	.quad 0x400000 + LARGE + WRITE + PRESENT	/* this guest */
	.quad 0x600000 + LARGE + PRESENT + NO_EXECUTE
	.quad 0x802000 + LARGE + PRESENT		/* a reserved bit */
	.fill 507, 8, 0
	.align 4096
pt:	.quad 0
	.quad 0x1000 + WRITE + USER + PRESENT
	.quad 0x2000 + PRESENT
	.quad 0x3000 + WRITE + PRESENT + NO_EXECUTE
	.fill 508, 8, 0

	.align 16
	.globl gdt
	.type gdt, @object
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
	.quad 0x00cf93000000ffff	/* data */
	.quad 0x0000890000000067	/* task state */
	.quad 0
	.size gdt, . - gdt
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.quad gdt

	.align 16
	.globl idt
idt:	.fill 28, 8, 0
	.quad 0x0000ee0200080000	/* interrupt stack 2, privilege 3 */
	.quad 0
idt_pointer:
	.word idt_pointer - idt - 1
	.quad idt

	.align 16
	.globl tss
tss:	.long 0
	.quad stack_top, 0, 0, 0
	.quad 0, fault_stack_top, 0, 0, 0, 0, 0
	.quad 0
	.word 0, 104

	.bss
	.align 4096
	.skip 4096
	.globl stack_top
stack_top:
	.skip 4096
	.globl fault_stack_top
fault_stack_top:
