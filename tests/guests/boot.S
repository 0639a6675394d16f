/* From the 32-bit entry of PVH or multiboot to `guest_main` in long mode.
 * Not here: traps (traps.S) and everything a guest does (orders.c).
 *
 * Both protocols enter in flat 32-bit protected mode without paging. The
 * tables map the first GiB with 2 MiB pages, except the first, so that a null
 * reference faults: to itself, and to the last 2 GiB, where a higher-half guest
 * is linked. The sections named boot stay at their physical addresses there.
 */

/* How far below its link-time address the guest runs. */
#ifndef RUNS_BELOW
#define RUNS_BELOW 0
#endif

/* With SLIDES it maps itself a random multiple of 2 MiB above where it was
 * linked, as kernels with address space randomization do; nothing is mapped
 * where it was linked. */

#ifndef STACK_SIZE
#define STACK_SIZE 0x8000
#endif

#ifdef MULTIBOOT
	.section .multiboot, "a"
	.align 4
	.long 0x1badb002, 0, -0x1badb002
#else
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long _start
#endif

	.section .text.boot, "ax"
	.code32
	.globl _start
	.type _start, @function
_start:
	cli
#ifdef SLIDES
	rdtsc
	movzbl %al, %ebx
	incl %ebx			/* the slide, in pages of 2 MiB */
	leal high_directory(, %ebx, 8), %edi
	movl $0x83, %eax		/* present, writable, 2 MiB */
	movl $32, %ecx
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b
#endif
	movl $page_map, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	movl $0xc0000080, %ecx		/* EFER */
	rdmsr
	orl $0x100, %eax		/* LME */
	wrmsr
	movl $0x80000011, %eax		/* PG, ET, PE */
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmp $0x08, $1f
	.code64
1:	movabsq $guest_entry - RUNS_BELOW, %rax
#ifdef SLIDES
	movl %ebx, %ebx
	shlq $21, %rbx
	addq %rbx, %rax
#endif
	jmp *%rax
	.size _start, . - _start

	.text
	.globl guest_entry
	.type guest_entry, @function
guest_entry:
#ifdef CFI_SECTION
	.cfi_sections CFI_SECTION
	.cfi_startproc
	.cfi_undefined rip
#endif
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movl %eax, %ss
	leaq stack_top(%rip), %rsp
	xorl %ebp, %ebp
	call guest_main			/* frame: guest_entry */
1:	cli
	hlt
	jmp 1b
#ifdef CFI_SECTION
	.cfi_endproc
#endif
	.size guest_entry, . - guest_entry

	.section .data.boot, "aw"
	.align 8
gdt:
	.quad 0
	.quad 0x00af9a000000ffff	/* 64-bit code */
gdt_pointer:
	.word . - gdt - 1
	.long gdt

	.align 4096
page_map:
	.quad page_directory_pointers + 3
	.fill 510, 8, 0
	.quad page_directory_pointers + 3
page_directory_pointers:
	.quad page_directory + 3
	.fill 509, 8, 0
#ifdef SLIDES
	.quad high_directory + 3
	.quad 0
high_directory:
	.fill 512, 8, 0
#else
	.quad page_directory + 3
	.quad 0
#endif
page_directory:
	.quad 0
	.set page, 1
	.rept 511
	.quad page * 0x200000 + 0x83	/* present, writable, 2 MiB */
	.set page, page + 1
	.endr

	.section .bss
	.align 16
	.skip STACK_SIZE
stack_top:

	.section .note.GNU-stack, "", @progbits
